import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi } from '../../examples/harbour-bank/api.ts';
import type { RunningServer } from '../../examples/harbour-bank/shared/http.ts';
import { startTestIssuer, type TestIssuer } from './bank-issuer.ts';

let issuer: TestIssuer;
let api: RunningServer;
const now = () => Math.floor(Date.now() / 1000);

beforeAll(async () => {
  issuer = await startTestIssuer();
  api = await startApi({ issuer: issuer.url, port: 0 });
  issuer.resource = api.url;
});

afterAll(async () => {
  await api.close();
  await issuer.close();
});

interface Call {
  readonly token?: string;
  readonly authorization?: string;
  readonly id?: string;
  readonly to?: string;
  /** Euros. */
  readonly amount?: number;
  readonly body?: string;
}

async function transfer({ token, authorization, id = randomUUID(), to = 'Robin', amount = 50, body }: Call) {
  const header = authorization ?? (token === undefined ? undefined : `Bearer ${token}`);
  const response = await fetch(`${api.url}/transfers/${id}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      ...(header === undefined ? {} : { authorization: header }),
    },
    body: body ?? JSON.stringify({ to, amount: Math.round(amount * 100) }),
  });
  const challenge = response.headers.get('www-authenticate');
  return { status: response.status, challenge, json: (await response.json()) as Record<string, unknown> };
}

async function balanceOf(sub: string): Promise<unknown> {
  const token = await issuer.accessToken({ sub });
  const response = await fetch(`${api.url}/account`, { headers: { authorization: `Bearer ${token}` } });
  return ((await response.json()) as { balance: unknown }).balance;
}

const demandsPhr =
  'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required", acr_values="phr", max_age="300", scope="transfers:write"';

describe('RFC 6750: without a valid token the API says nothing of its policy', () => {
  it('answers a request without a token with the plain challenge, however large the transfer', async () => {
    expect(await transfer({ amount: 5000 })).toMatchObject({
      status: 401,
      challenge: 'Bearer realm="harbour-bank"',
    });
  });

  it('takes another scheme for no token at all', async () => {
    const { status, challenge } = await transfer({ authorization: 'Basic YTpi', amount: 5000 });
    expect([status, challenge]).toEqual([401, 'Bearer realm="harbour-bank"']);
  });

  it('answers malformed credentials with 400 invalid_request', async () => {
    const { status, challenge } = await transfer({ authorization: 'Bearer a b', amount: 5000 });
    expect([status, challenge]).toEqual([400, expect.stringMatching(/^Bearer error="invalid_request"/)]);
    expect(challenge).not.toMatch(/acr_values|max_age|scope/);
  });

  const bad: [string, () => Promise<string>][] = [
    ['expired', () => issuer.accessToken({ exp: now() - 60 })],
    ['not signed by the issuer', () => issuer.accessToken({}, { foreign: true })],
    ['for another audience', () => issuer.accessToken({ aud: 'http://127.0.0.1:1' })],
    ['of another issuer', () => issuer.accessToken({ iss: 'http://127.0.0.1:1' })],
    ['an ID token', () => issuer.accessToken({}, { typ: 'JWT' })],
    ['without exp', () => issuer.accessToken({ exp: undefined })],
    ['without jti', () => issuer.accessToken({ jti: undefined })],
    ['without client_id', () => issuer.accessToken({ client_id: undefined })],
    ['bound to a key', () => issuer.accessToken({ cnf: { jkt: 'x' } })],
    ["a client's own", () => issuer.accessToken({ sub: issuer.clientId })],
    ['not a JWT', () => Promise.resolve('opaque')],
    ['unsigned', () => Promise.resolve('eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.')],
  ];
  it.each(bad)(
    'refuses a token that is %s as invalid_token, without acr_values or max_age',
    async (_, make) => {
      const { status, challenge } = await transfer({ token: await make(), amount: 5000 });
      expect(status).toBe(401);
      expect(challenge).toMatch(/^(Bearer|DPoP) error="invalid_token"/);
      expect(challenge).not.toMatch(/acr_values|max_age|scope/);
    },
  );

  it('answers a missing scope with 403 insufficient_scope', async () => {
    const token = await issuer.accessToken({ scope: 'accounts:read' });
    expect(await transfer({ token, amount: 50 })).toMatchObject({
      status: 403,
      challenge:
        'Bearer error="insufficient_scope", error_description="The access token lacks a scope", scope="transfers:write"',
    });
  });

  it('answers a missing scope and level with one challenge that names both', async () => {
    const token = await issuer.accessToken({ scope: 'accounts:read' });
    expect(await transfer({ token, amount: 5000 })).toMatchObject({ status: 401, challenge: demandsPhr });
  });

  it('answers 503, not 401, while the issuer cannot be asked', async () => {
    const away = await startApi({ issuer: 'http://127.0.0.1:9', port: 0, resource: api.url });
    const headers = { authorization: `Bearer ${await issuer.accessToken()}` };
    const response = await fetch(`${away.url}/account`, { headers });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.get('www-authenticate')).toBeNull();
    await away.close();
  });

  it('answers 503, not 401, while the keys cannot be had', async () => {
    let ahead = 0;
    const other = await startApi({
      issuer: issuer.url,
      port: 0,
      resource: api.url,
      now: () => now() + ahead,
    });
    const headers = { authorization: `Bearer ${await issuer.accessToken()}` };
    issuer.hideKeys = true;
    const refused = await fetch(`${other.url}/account`, { headers });
    expect(refused.status).toBe(503);
    issuer.hideKeys = false;
    ahead = Number(refused.headers.get('retry-after'));
    expect((await fetch(`${other.url}/account`, { headers })).status).toBe(200);
    await other.close();
  });
});

describe('RFC 9470: a transfer demands by its amount', () => {
  it('asks no more than a sign-in up to 100, however old', async () => {
    const token = await issuer.accessToken({ sub: 'small', auth_time: now() - 86_400 });
    expect((await transfer({ token, amount: 100 })).status).toBe(201);
  });

  it('challenges for mfa within 900 s above 100', async () => {
    const token = await issuer.accessToken();
    expect(await transfer({ token, amount: 100.01 })).toMatchObject({
      status: 401,
      challenge:
        'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required", acr_values="urn:stile:acr:mfa", max_age="900", scope="transfers:write"',
      json: { error: 'insufficient_user_authentication' },
    });
  });

  it('challenges for phr within 300 s above 1,000', async () => {
    const token = await issuer.accessToken({ acr: 'urn:stile:acr:mfa' });
    expect((await transfer({ token, amount: 1000 })).status).toBe(201);
    expect(await transfer({ token, amount: 1000.01 })).toMatchObject({ status: 401, challenge: demandsPhr });
  });

  it('accepts a stronger acr for a weaker one that it implies', async () => {
    const token = await issuer.accessToken({ sub: 'strong', acr: 'phrh' });
    expect((await transfer({ token, amount: 2000 })).status).toBe(201);
    expect((await transfer({ token, amount: 500 })).status).toBe(201);
  });

  it('implication never carries freshness: an old phrh does not serve for mfa within 900 s', async () => {
    const token = await issuer.accessToken({ acr: 'phrh', auth_time: now() - 1000 });
    const { status, challenge } = await transfer({ token, amount: 500 });
    expect(status).toBe(401);
    expect(challenge).toContain('A more recent authentication is required');
    expect(challenge).toContain('max_age="900"');
  });

  it('allows ten seconds between the clocks, and no more', async () => {
    const within = await issuer.accessToken({ sub: 'clock', acr: 'phr', auth_time: now() - 305 });
    const beyond = await issuer.accessToken({ sub: 'clock', acr: 'phr', auth_time: now() - 315 });
    expect((await transfer({ token: within, amount: 2000 })).status).toBe(201);
    expect((await transfer({ token: beyond, amount: 2000 })).status).toBe(401);
  });

  it.each([{ acr: undefined }, { acr: 'constructor' }, { acr: 'phr', auth_time: undefined }])(
    'a token that does not say what was proved, or when, proves nothing: %o',
    async (claims) => {
      const token = await issuer.accessToken(claims);
      expect((await transfer({ token, amount: 2000 })).status).toBe(401);
    },
  );
});

it('an account is shown to who may read it', async () => {
  const show = async (scope: string) => {
    const headers = { authorization: `Bearer ${await issuer.accessToken({ scope })}` };
    return (await fetch(`${api.url}/account`, { headers })).status;
  };
  expect([await show('transfers:write'), await show('accounts:read')]).toEqual([403, 200]);
});

describe('a transfer is paid once', () => {
  it('pays one id once, in parallel too', async () => {
    const sub = randomUUID();
    const before = Number(await balanceOf(sub));
    const call = { token: await issuer.accessToken({ sub }), id: randomUUID(), amount: 30 };
    const answers = await Promise.all(Array.from({ length: 5 }, () => transfer(call)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
    expect(await balanceOf(sub)).toBe(before - 3000);
  });

  it('refuses an id that was used for another transfer', async () => {
    const call = { token: await issuer.accessToken({ sub: randomUUID() }), id: randomUUID() };
    await transfer({ ...call, amount: 30 });
    expect((await transfer({ ...call, amount: 31 })).status).toBe(409);
  });

  it('keeps the ids of different people apart', async () => {
    const id = randomUUID();
    const [one, two] = [await issuer.accessToken({ sub: 'one' }), await issuer.accessToken({ sub: 'two' })];
    expect((await transfer({ token: one, id, amount: 30 })).status).toBe(201);
    expect((await transfer({ token: two, id, amount: 40 })).status).toBe(201);
  });

  it('does not pay more than there is', async () => {
    const token = await issuer.accessToken({ sub: randomUUID(), acr: 'phr' });
    expect((await transfer({ token, amount: 90_000 })).status).toBe(422);
  });

  it.each(['{', '{}', '{"to":"Robin","amount":-5}', '{"to":"Robin","amount":1.5}', '{"to":"","amount":5}'])(
    'answers a malformed order with 400: %s',
    async (body) => {
      expect((await transfer({ token: await issuer.accessToken(), body })).status).toBe(400);
    },
  );

  it('answers an oversized order with 413', async () => {
    const body = JSON.stringify({ to: 'x'.repeat(20_000), amount: 5 });
    expect((await transfer({ token: await issuer.accessToken(), body })).status).toBe(413);
  });
});
