/** Mail: by SMTP, or kept in memory for the demo's outbox page. */
import type { Clock, Mail, Mailer } from '../services/ports/machine.ts';

export interface SmtpOptions {
  /** `smtps://user:password@host:port`; never logged. */
  readonly url: string;
  /** The sender, such as `Stile <no-reply@example.org>`. */
  readonly from: string;
}

export interface SmtpMailer extends Mailer {
  close(): void;
}

/**
 * Sends by SMTP over a few kept connections. Rejects when the server refuses or does not answer in ten seconds. The library
 * is loaded here: who sends no mail does not pay for it.
 */
export async function createSmtpMailer({ url, from }: SmtpOptions): Promise<SmtpMailer> {
  const { createTransport } = await import('nodemailer');
  const timeout = 10_000;
  const transport = createTransport({
    url,
    pool: true,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ to, subject, text }) => {
      // As an object: an address is never parsed for a second recipient.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text });
    },
    close: () => transport.close(),
  };
}

/** Mail kept in memory; `at` is in epoch seconds. */
export interface KeptMail extends Mail {
  readonly at: number;
}

export interface Outbox extends Mailer {
  /** Newest first. */
  list(): readonly KeptMail[];
}

/** Keeps the last fifty mails instead of sending them. */
export function createOutbox(clock: Clock): Outbox {
  const kept: KeptMail[] = [];
  return {
    send: async (mail) => {
      kept.unshift({ ...mail, at: clock.now() });
      kept.length = Math.min(kept.length, 50);
    },
    list: () => [...kept],
  };
}
