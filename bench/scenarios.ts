/** What is measured. A scenario prepares one connection and returns the work to repeat on it. */
import { createHash, randomBytes } from 'node:crypto';
import { generateSync } from 'otplib';
import type { SoftwareAuthenticator } from '../test/support/webauthn.ts';
import { type Answer, type Connection, connect } from './http.ts';
import { BENCH_API, BENCH_CALLBACK, BENCH_PASSWORD, BENCH_SECRET } from './shared.ts';

/** Somebody to sign in, with what they hold. */
export interface Person {
  readonly username: string;
  readonly totpSecret: string;
  readonly authenticator: SoftwareAuthenticator;
}

export interface Order {
  readonly issuer: string;
  /** One for each connection, in turn; none for the bare provider, which signs in anybody. */
  readonly people: readonly Person[];
}

export type Work = () => Promise<void>;
export type Scenario = (order: Order, index: number) => Promise<Work>;

const basic = { authorization: `Basic ${Buffer.from(`bench:${BENCH_SECRET}`).toString('base64')}` };

export const scenarios: Readonly<Record<string, Scenario>> = {
  /** Opaque client credentials. */
  async token({ issuer }) {
    const connection = connect();
    return async () => {
      const fields = { grant_type: 'client_credentials', resource: BENCH_API, scope: 'look' };
      expectStatus(await connection.post(`${issuer}/token`, fields, basic), 200);
    };
  },
  async introspection(order, index) {
    const { connection, tokens } = await signedIn(order, index);
    return async () => {
      const answer = await connection.post(
        `${order.issuer}/token/introspection`,
        { token: tokens.access_token },
        basic,
      );
      if (!answer.body.includes('"active":true')) throw new Error(`introspection: ${answer.body}`);
    };
  },
  async refresh(order, index) {
    const { connection, tokens } = await signedIn(order, index);
    let current = tokens.refresh_token;
    return async () => {
      const fields = { grant_type: 'refresh_token', refresh_token: current };
      current = parse(await connection.post(`${order.issuer}/token`, fields, basic)).refresh_token;
    };
  },
  /** Silent authorization, then the exchange. */
  async silent(order, index) {
    const { connection } = await signedIn(order, index);
    return async () => {
      const { url, verifier } = authorization(order.issuer, { prompt: 'none' });
      await exchange(connection, order.issuer, (await connection.get(url)).location, verifier);
    };
  },
  /** A whole sign-in with a password in a new browser, to tokens. */
  async password(order, index) {
    return async () => {
      await signedIn(order, index);
    };
  },
  /** A step-up of a live session with a passkey: `prompt=login`, so that each one asks. */
  async passkey(order, index) {
    const { connection } = await signedIn(order, index);
    return async () => {
      const { url, verifier } = authorization(order.issuer, { prompt: 'login', acr_values: 'phr' });
      const page = await connection.follow(await connection.get(url), url, BENCH_CALLBACK);
      const response = personOf(order, index)?.authenticator.authenticate(optionsOf(page.body), order.issuer);
      const next = await submit(connection, page, '/passkey', { response: JSON.stringify(response) });
      await exchange(connection, order.issuer, next.location, verifier);
    };
  },
  /** A step-up with a code: one for each session, as a code is accepted once. */
  async totp(order, index) {
    const { connection } = await signedIn(order, index);
    const secret = personOf(order, index)?.totpSecret ?? '';
    return async () => {
      const { url, verifier } = authorization(order.issuer, { acr_values: 'urn:stile:acr:mfa' });
      const page = await connection.follow(await connection.get(url), url, BENCH_CALLBACK);
      const asked = page.body.includes('/totp"')
        ? page
        : await connection.follow(await connection.get(`${page.url}?with=totp`), page.url, BENCH_CALLBACK);
      const next = await submit(connection, asked, '/totp', { code: generateSync({ secret }) });
      await exchange(connection, order.issuer, next.location, verifier);
    };
  },
};

function personOf({ people }: Order, index: number): Person | undefined {
  return people[index % people.length];
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function signedIn(order: Order, index: number): Promise<{ connection: Connection; tokens: Tokens }> {
  const connection = connect();
  const { url, verifier } = authorization(order.issuer);
  let page = await connection.follow(await connection.get(url), url, BENCH_CALLBACK);
  if (page.location === undefined) {
    page = await submit(connection, page, '/identifier', {
      identifier: personOf(order, index)?.username ?? '',
    });
    page = await submit(connection, page, '/password', { password: BENCH_PASSWORD });
  }
  return { connection, tokens: await exchange(connection, order.issuer, page.location, verifier) };
}

function authorization(
  issuer: string,
  extra: Record<string, string> = {},
): { url: string; verifier: string } {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: 'bench',
    response_type: 'code',
    redirect_uri: BENCH_CALLBACK,
    scope: 'openid look',
    resource: BENCH_API,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  });
  return { url: `${issuer}/auth?${query}`, verifier };
}

async function exchange(
  connection: Connection,
  issuer: string,
  redirect: string | undefined,
  verifier: string,
): Promise<Tokens> {
  const code = redirect === undefined ? null : new URL(redirect).searchParams.get('code');
  if (!code) throw new Error(`no code: ${redirect}`);
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: BENCH_CALLBACK,
    code_verifier: verifier,
  };
  return parse(await connection.post(`${issuer}/token`, fields, basic));
}

function parse(answer: Answer): Tokens {
  expectStatus(answer, 200);
  return JSON.parse(answer.body) as Tokens;
}

function expectStatus({ status, body }: Answer, wanted: number): void {
  if (status !== wanted) throw new Error(`${status}: ${body.slice(0, 300)}`);
}

async function submit(
  connection: Connection,
  page: Answer & { url: string },
  action: string,
  fields: Record<string, string>,
) {
  const form = [...page.body.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find(
    ([, target]) => target?.endsWith(action),
  );
  const csrf = /name="_csrf" value="([^"]*)"/.exec(form?.[2] ?? '')?.[1];
  if (!form || csrf === undefined)
    throw new Error(`no form for ${action} on ${page.url}: ${page.body.slice(0, 200)}`);
  const target = new URL(String(form[1]), page.url).href;
  return connection.follow(await connection.post(target, { _csrf: csrf, ...fields }), target, BENCH_CALLBACK);
}

function optionsOf(body: string): Parameters<SoftwareAuthenticator['authenticate']>[0] {
  const text = /data-options="([^"]*)"/.exec(body)?.[1] ?? '{}';
  return JSON.parse(text.replaceAll('&#34;', '"').replaceAll('&quot;', '"').replaceAll('&amp;', '&'));
}
