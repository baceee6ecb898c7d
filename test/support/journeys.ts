/** Longer steps of journeys: passkeys, step-ups, the account page, and a look at what is stored. */
import { type Agent, createAgent, formOf, type Page, unescape_ } from './agent.ts';
import type { TestClient } from './client.ts';
import { mailedCode, PASSWORD, redirectOf, type SignedIn, signIn, totpCode } from './people.ts';
import type { TestStile } from './stile.ts';
import type { SoftwareAuthenticator } from './webauthn.ts';

export const FIRST = 'urn:stile:acr:1fa';
export const MFA = 'urn:stile:acr:mfa';

type Server = Pick<TestStile, 'core' | 'issuer'>;

/** Rows of a statement; what the tests say of storage, they look up. */
export async function rows<R extends Record<string, unknown>>(
  { core }: Pick<TestStile, 'core'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  return (await core.db.query<R>(sql, values)).rows;
}

/** The one number a statement selects as `n`. */
export async function count(
  stile: Pick<TestStile, 'core'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<number> {
  const [row] = await rows<{ n: number }>(stile, sql, values);
  return Number(row?.n);
}

/** The options of the passkey form that posts to an action ending so. */
export function passkeyOptions<T>(page: Page, action = '/passkey'): T {
  for (const [, attributes = ''] of page.body.matchAll(/<form([^>]*)>/g)) {
    const to = /action="([^"]*)"/.exec(attributes)?.[1];
    const options = /data-options="([^"]*)"/.exec(attributes)?.[1];
    if (to?.endsWith(action) && options) return JSON.parse(unescape_(options));
  }
  throw new Error(`no passkey form on ${page.url}:\n${page.body.slice(0, 2000)}`);
}

/** Answers the passkey prompt of a page; `anyKey`: also with a key the page did not ask for. */
export function answerPasskey(
  { issuer }: Pick<TestStile, 'issuer'>,
  agent: Agent,
  answer: { page: Page; authenticator: SoftwareAuthenticator; anyKey?: boolean },
): Promise<Page> {
  const asked = passkeyOptions<{ challenge: string; allowCredentials?: { id: string }[] }>(answer.page);
  const options = answer.anyKey ? { ...asked, allowCredentials: [] } : asked;
  const response = JSON.stringify(answer.authenticator.authenticate(options, issuer));
  return agent.submit(answer.page, '/passkey', { response });
}

/** Registers a passkey from a page that offers it. */
export function registerPasskey(
  { issuer }: Pick<TestStile, 'issuer'>,
  agent: Agent,
  page: Page,
  authenticator: SoftwareAuthenticator,
): Promise<Page> {
  const response = JSON.stringify(authenticator.register(passkeyOptions(page, '/enrol/passkey'), issuer));
  return agent.submit(page, '/enrol/passkey', { response, label: 'Key' });
}

/** Password, if it is asked for, and the emailed code, up to the page that registers the factor. */
export async function openGate(
  stile: Server,
  agent: Agent,
  start: Page,
  { username, method }: { username: string; method: 'totp' | 'passkey' },
): Promise<Page> {
  let page = start;
  if (page.body.includes(`enrol=${method}`))
    page = await agent.open(new URL(`?enrol=${method}`, page.url).href);
  if (page.body.includes('/password"')) page = await agent.submit(page, '/password', { password: PASSWORD });
  if (page.body.includes('/email/send"')) {
    page = await agent.submit(page, '/email/send');
    page = await agent.submit(page, '/email', { code: mailedCode(stile, username) });
  }
  return page;
}

/** The seed on a page that registers an authenticator app. */
export function shownSeed(page: Page): string {
  const uri = unescape_(/href="(otpauth:[^"]+)"/.exec(page.body)?.[1] ?? 'otpauth://none');
  return new URL(uri).searchParams.get('secret') ?? '';
}

/** Registers an authenticator app from the page that offers it. */
export async function registerTotp(
  stile: Server,
  agent: Agent,
  page: Page,
): Promise<{ page: Page; secret: string }> {
  const secret = shownSeed(page);
  const code = totpCode(secret, stile.core.clock.now());
  return { page: await agent.submit(page, '/enrol/totp', { code, label: 'Phone' }), secret };
}

export interface Enrolled extends SignedIn {
  readonly secret: string;
}

/** A person signed in with a password, with an authenticator app enrolled by the account page. */
export async function personWithTotp(stile: Server, client: TestClient, username: string): Promise<Enrolled> {
  const signedIn = await signIn(client, username);
  const { agent } = signedIn;
  const start = await agent.open(`${stile.issuer}/account/add/totp`);
  const { secret } = await registerTotp(
    stile,
    agent,
    await openGate(stile, agent, start, { username, method: 'totp' }),
  );
  return { ...signedIn, secret };
}

/** A person signed in with a password, with a passkey enrolled by the account page. */
export async function personWithPasskey(
  stile: Server,
  client: TestClient,
  { username, authenticator }: { username: string; authenticator: SoftwareAuthenticator },
): Promise<SignedIn> {
  const signedIn = await signIn(client, username);
  const { agent } = signedIn;
  const start = await agent.open(`${stile.issuer}/account/add/passkey`);
  const page = await openGate(stile, agent, start, { username, method: 'passkey' });
  await registerPasskey(stile, agent, page, authenticator);
  return signedIn;
}

/** Steps up in a session with a code of the app, unless it holds the level already; the tokens. */
export async function stepUpWithTotp(
  stile: Server,
  client: TestClient,
  { agent, secret, ...parameters }: { agent: Agent; secret: string } & Record<string, unknown>,
) {
  const request = await client.authorize({ acr_values: MFA, ...(parameters as Record<string, string>) });
  const page = await agent.open(request.url);
  const code = totpCode(secret, stile.core.clock.now() + 30);
  const end = page.location === undefined ? await agent.submit(page, '/totp', { code }) : page;
  return client.exchange(request, redirectOf(end));
}

/** Another browser that signs in with the app as well. */
export async function signInWithTotp(
  stile: Server,
  client: TestClient,
  { username, secret }: { username: string; secret: string },
): Promise<SignedIn> {
  const signedIn = await signIn(client, username, {}, createAgent());
  await stepUpWithTotp(stile, client, { agent: signedIn.agent, secret });
  return signedIn;
}

/** Posts a page's form with changed fields and headers, redirects not followed. */
export function postForm(
  agent: Agent,
  page: Page,
  {
    action,
    fields = {},
    headers = {},
  }: { action: string; fields?: Record<string, string>; headers?: Record<string, string> },
): Promise<Page> {
  const form = formOf(page, action);
  return agent.request(new URL(form.action, page.url).href, {
    method: 'POST',
    body: new URLSearchParams({ ...form.fields, ...fields }),
    headers: { Origin: new URL(page.url).origin, ...headers },
  });
}

/** The value of a browser's session cookie. */
export function sessionCookie(agent: Agent): string | undefined {
  return agent.cookies().find((cookie) => cookie.startsWith('stile_session='));
}

/** Answers of attempts in the audit, newest first: `success`, or the error's code. */
export async function attempts(stile: Pick<TestStile, 'core'>, accountId: string): Promise<string[]> {
  const found = await rows<{ error: string | null }>(
    stile,
    `SELECT "data"->>'error' AS "error" FROM "audit_event"
     WHERE "type" = 'attempt' AND "account_id" = $1 ORDER BY "id" DESC`,
    [accountId],
  );
  return found.map(({ error }) => error ?? 'success');
}
