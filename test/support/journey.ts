/** People with factors, who answer whatever a page asks, and a clock that tests move. */
import { vi } from 'vitest';
import { stepAt } from '../../src/domain/totp.ts';
import { registrationOptions, verifyRegistration } from '../../src/services/factors/passkey-registration.ts';
import { codeAt, sealSeed } from '../../src/services/factors/totp.ts';
import type { CredentialBase } from '../../src/services/ports/people.ts';
import { type Agent, createAgent, type Page, unescape_ } from './agent.ts';
import type { AuthorizationRequest, TestClient, Tokens } from './client.ts';
import { addPerson, PASSWORD, redirectOf } from './people.ts';
import { type StileOptions, startStile, type TestStile } from './stile.ts';
import { type AuthenticatorOptions, createAuthenticator, type SoftwareAuthenticator } from './webauthn.ts';

export const FIRST = 'urn:stile:acr:1fa';
export const MFA = 'urn:stile:acr:mfa';
export const PHR = 'phr';

type Server = Pick<TestStile, 'core' | 'issuer'>;

export interface Person {
  readonly id: string;
  readonly username: string;
  readonly app?: { readonly id: string; readonly seed: Uint8Array; lastStep: number };
  readonly passkey?: { readonly id: string; readonly authenticator: SoftwareAuthenticator };
}

export interface Factors {
  readonly totp?: boolean;
  readonly passkey?: AuthenticatorOptions;
}

let people = 0;

/** A new account with a password and these factors, put straight into the store. */
export async function newPerson(stile: Server, { totp, passkey }: Factors = {}): Promise<Person> {
  people += 1;
  const username = `person-${people}`;
  const id = await addPerson(stile, username);
  return {
    id,
    username,
    ...(totp ? { app: await addApp(stile, id) } : {}),
    ...(passkey ? { passkey: await addKey(stile, id, passkey) } : {}),
  };
}

async function addApp({ core }: Server, accountId: string) {
  const base = baseOf(core, accountId);
  const seed = Buffer.from(core.services.random.token(20), 'base64url');
  const sealedSeed = sealSeed(core.services, seed, base.id);
  await core.services.credentials.add({ ...base, method: 'totp', sealedSeed, lastStep: null });
  return { id: base.id, seed, lastStep: 0 };
}

/** Another passkey of an account, put straight into the store. */
export async function addKey({ core, issuer }: Server, accountId: string, options: AuthenticatorOptions) {
  const { services } = core;
  const account = await services.accounts.byId(accountId);
  if (!account) throw new Error('no such account');
  const authenticator = createAuthenticator(options);
  const owner = `test:${services.random.id()}`;
  const json = authenticator.register(await registrationOptions(services, owner, account), issuer);
  const found = await verifyRegistration(services, { owner, account, json });
  if (!found) throw new Error('the registration did not verify');
  const base = baseOf(core, accountId);
  await services.credentials.add({ ...base, ...found.passkey });
  return { id: base.id, authenticator };
}

function baseOf({ services }: Server['core'], accountId: string): CredentialBase {
  return {
    id: services.random.id(),
    accountId,
    label: 'Test',
    boundAt: FIRST,
    boundBy: 'admin',
    createdAt: services.clock.now(),
    lastUsedAt: null,
  };
}

export interface Answered {
  readonly page: Page;
  /** The methods asked for, in order. */
  readonly asked: readonly string[];
}

/** Gives what each page asks for until it leads elsewhere. `passkeyFirst`: signs in with the passkey. */
export async function answer(
  stile: Server,
  agent: Agent,
  start: Page,
  { person, passkeyFirst = false }: { person: Person; passkeyFirst?: boolean },
): Promise<Answered> {
  const asked: string[] = [];
  let page = start;
  while (page.location === undefined && asked.length < 8) {
    const method = askedBy(page, passkeyFirst);
    if (method === undefined) break;
    if (method !== 'identifier') asked.push(method);
    page = await agent.submit(page, `/${method}`, fieldsFor(stile, page, method, person));
  }
  return { page, asked };
}

function askedBy({ body }: Page, passkeyFirst: boolean): string | undefined {
  const order = ['totp', 'identifier', 'password', 'passkey'];
  if (passkeyFirst) order.unshift('passkey');
  return order.find((method) => body.includes(`/${method}"`));
}

function fieldsFor(stile: Server, page: Page, method: string, person: Person): Record<string, string> {
  switch (method) {
    case 'identifier':
      return { identifier: person.username };
    case 'password':
      return { password: PASSWORD };
    case 'totp':
      return { code: nextCode(stile, person) };
    default:
      return { response: assertionFor(stile, page, person) };
  }
}

/** A code the app has not shown before. */
export function nextCode({ core }: Server, { app }: Person): string {
  if (!app) throw new Error('this person has no authenticator app');
  const now = stepAt(core.clock.now());
  const step = Math.max(now, app.lastStep + 1);
  if (step > now + 1) throw new Error('the next code is too far ahead: let time pass');
  app.lastStep = step;
  return codeAt(app.seed, step);
}

/** The authenticator's answer to the passkey options on the page. */
export function assertionFor({ issuer }: Server, { body }: Page, { passkey }: Person): string {
  const options = /action="[^"]*\/passkey"[^>]*data-options="([^"]+)"/.exec(body)?.[1];
  if (!passkey || options === undefined) throw new Error('no passkey, or none asked for');
  return JSON.stringify(passkey.authenticator.authenticate(JSON.parse(unescape_(options)), issuer));
}

export interface Obtained {
  readonly agent: Agent;
  readonly request: AuthorizationRequest;
  readonly tokens: Tokens;
  readonly asked: readonly string[];
}

export interface Wanted {
  readonly person: Person;
  readonly agent?: Agent;
  readonly parameters?: Record<string, string | undefined>;
  readonly passkeyFirst?: boolean;
}

/** A whole authorization, to tokens: signs in or steps up as asked. */
export async function obtain(stile: Server, client: TestClient, wanted: Wanted): Promise<Obtained> {
  const { person, agent = createAgent(), parameters = {}, passkeyFirst = false } = wanted;
  const request = await client.authorize(parameters);
  const { page, asked } = await answer(stile, agent, await agent.open(request.url), {
    person,
    passkeyFirst,
  });
  return { agent, request, asked, tokens: await client.exchange(request, redirectOf(page)) };
}

/** Tokens without a page, as `prompt=none` gives them. */
export async function quietly(
  agent: Agent,
  client: TestClient,
  parameters: Record<string, string | undefined> = {},
): Promise<Tokens> {
  const request = await client.authorize({ prompt: 'none', ...parameters });
  return client.exchange(request, redirectOf(await agent.open(request.url)));
}

/** The redirect of an authorization request sent as it is, `undefined` where there is a page. */
export async function refusal(agent: Agent, url: string): Promise<URLSearchParams | undefined> {
  const { location } = await agent.open(url);
  return location === undefined ? undefined : new URL(location).searchParams;
}

/**
 * Another server on the same database: a second process, or the same one under another configuration. Its clock is the
 * tests' own, moved as it may be: it is not corrected by the database's.
 */
export async function startBeside(
  stile: TestStile,
  options: Omit<StileOptions, 'database'> = {},
): Promise<TestStile> {
  const other = await startStile({ ...options, database: stile.database });
  other.core.clock.correct(0);
  return other;
}

/** Stops the clock; from now on only `pass` moves it. Undo with `vi.useRealTimers()`. */
export function stopClock(): void {
  // In the middle of a second, so that servers whose clocks differ by milliseconds agree.
  vi.useFakeTimers({ toFake: ['Date'], now: Math.floor(Date.now() / 1000) * 1000 + 500 });
}

/** Lets seconds pass. */
export function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
