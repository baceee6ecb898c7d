import { createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createLog } from '../../src/infra/log.ts';
import { createOutbox, createSmtpMailer } from '../../src/infra/mailer.ts';

describe('the log', () => {
  test('never holds a secret, however deep it stands, and keeps the codes of errors', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', to: { write: (line) => lines.push(line) } });
    log.info(
      {
        code: 'wrong_code',
        cause: { code: 'ECONNREFUSED' },
        password: 'SECRET',
        body: { code: 'SECRET', client_secret: 'SECRET', password: 'SECRET' },
        req: {
          headers: { authorization: 'SECRET', cookie: 'SECRET', dpop: 'SECRET' },
          query: { code: 'SECRET', id_token_hint: 'SECRET' },
        },
        res: { headers: { 'set-cookie': ['SECRET'] } },
        tokens: { access_token: 'SECRET', refresh_token: 'SECRET', id_token: 'SECRET' },
      },
      'request',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('SECRET');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      message: 'request',
      code: 'wrong_code',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('the outbox', () => {
  test('keeps the last fifty mails, newest first', async () => {
    const outbox = createOutbox({ now: () => 7 });
    for (let n = 0; n < 60; n += 1) await outbox.send({ to: 'a@b', subject: `${n}`, text: '' });
    expect(outbox.list()).toHaveLength(50);
    expect(outbox.list()[0]).toEqual({ to: 'a@b', subject: '59', text: '', at: 7 });
  });
});

describe('mail by SMTP', () => {
  test('goes to exactly one recipient, whatever the address looks like', async () => {
    const smtp = await startSmtp();
    const mailer = await createSmtpMailer({ url: smtp.url, from: 'Stile <no-reply@example.org>' });
    await mailer.send({ to: 'ada@example.org', subject: 'Your code', text: '123456' });
    await mailer
      .send({ to: 'ada@example.org, eve@example.org', subject: 'Your code', text: '123456' })
      .catch(() => {});
    mailer.close();
    await smtp.stop();
    expect(smtp.recipients()).not.toContain('eve@example.org');
    expect(smtp.recipients()[0]).toBe('ada@example.org');
    expect(smtp.said()).toContain('Subject: Your code');
  });

  test('is rejected when the server is away', async () => {
    const smtp = await startSmtp();
    await smtp.stop();
    const mailer = await createSmtpMailer({ url: smtp.url, from: 'a@b.example' });
    await expect(mailer.send({ to: 'ada@example.org', subject: '', text: '' })).rejects.toThrow();
    mailer.close();
  });
});

/** As much of RFC 5321 as a client needs that only sends. */
async function startSmtp() {
  let said = '';
  const server: Server = createServer((socket) => {
    let data = false;
    socket.write('220 test\r\n');
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (data) {
        if (!chunk.endsWith('\r\n.\r\n')) return;
        data = false;
        socket.write('250 taken\r\n');
        return;
      }
      for (const line of chunk.split('\r\n').filter(Boolean)) {
        data ||= line === 'DATA';
        socket.write(line === 'DATA' ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 fine\r\n');
      }
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    url: `smtp://127.0.0.1:${port}`,
    said: () => said,
    recipients: () => [...said.matchAll(/RCPT TO:<([^>]*)>/g)].map(([, to]) => to),
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
