/** People for journeys, and the steps they take. */

import { generateSync } from 'otplib';
import { createAccount } from '../../src/services/accounts.ts';
import { type Agent, createAgent, type Page, unescape_ } from './agent.ts';
import type { AuthorizationRequest, TestClient, Tokens } from './client.ts';
import type { TestStile } from './stile.ts';

export const PASSWORD = 'correct horse battery staple';

export async function addPerson({ core }: Pick<TestStile, 'core'>, username: string): Promise<string> {
  const account = await createAccount(core.services, {
    username,
    email: `${username}@example.test`,
    emailVerified: true,
    name: `Test ${username}`,
    password: PASSWORD,
  });
  return account.id;
}

/** Identifier, password; follows redirects up to the client or the next page. */
export async function passwordSignIn(
  agent: Agent,
  page: Page,
  username: string,
  password = PASSWORD,
): Promise<Page> {
  const second = await agent.submit(page, '/identifier', { identifier: username });
  return agent.submit(second, '/password', { password });
}

export interface SignedIn {
  readonly agent: Agent;
  readonly request: AuthorizationRequest;
  readonly tokens: Tokens;
}

/** A whole sign-in with a password, to tokens. */
export async function signIn(
  client: TestClient,
  username: string,
  parameters: Record<string, string | undefined> = {},
  agent: Agent = createAgent(),
): Promise<SignedIn> {
  const request = await client.authorize(parameters);
  const page = await agent.open(request.url);
  const end = page.location === undefined ? await passwordSignIn(agent, page, username) : page;
  return { agent, request, tokens: await client.exchange(request, redirectOf(end)) };
}

/** The redirect back to the client. */
export function redirectOf(page: Page): string {
  if (page.location === undefined)
    throw new Error(`no redirect, but ${page.status} ${page.url}:\n${page.body.slice(0, 3000)}`);
  return page.location;
}

/** The OAuth error in a redirect back to the client. */
export function errorOf(page: Page): string | null {
  return new URL(redirectOf(page)).searchParams.get('error');
}

/** `prompt=none`: a code or an error, at once. */
export async function silently(
  agent: Agent,
  client: TestClient,
  parameters: Record<string, string | undefined> = {},
) {
  const request = await client.authorize({ prompt: 'none', ...parameters });
  return { request, page: await agent.open(request.url) };
}

/** The latest code mailed to somebody. */
export function mailedCode({ core }: Pick<TestStile, 'core'>, username: string): string {
  const mail = core.outbox
    ?.list()
    .find(({ to, text }) => to === `${username}@example.test` && /\d{8}/.test(text));
  const code = mail && /\b\d{8}\b/.exec(mail.text)?.[0];
  if (!code) throw new Error(`no code was mailed to ${username}`);
  return code;
}

/** The seed a page shows, and the code of a time (epoch seconds). */
export function totpCode(secret: string, at: number): string {
  return generateSync({ secret, epoch: at });
}

/** Goes through an enrolment of an authenticator app from wherever the interaction stands. */
export async function enrolTotp(
  stile: Pick<TestStile, 'core'>,
  agent: Agent,
  start: Page,
  username: string,
): Promise<{ page: Page; secret: string }> {
  let page = start;
  if (page.body.includes('enrol=totp')) page = await agent.open(new URL('?enrol=totp', page.url).href);
  if (page.body.includes('/password"')) page = await agent.submit(page, '/password', { password: PASSWORD });
  if (page.body.includes('/email/send"')) {
    page = await agent.submit(page, '/email/send');
    page = await agent.submit(page, '/email', { code: mailedCode(stile, username) });
  }
  const uri = new URL(unescape_(/href="(otpauth:[^"]+)"/.exec(page.body)?.[1] ?? 'otpauth://none'));
  const secret = uri.searchParams.get('secret') ?? '';
  const code = totpCode(secret, stile.core.clock.now());
  return { page: await agent.submit(page, '/enrol/totp', { code, label: 'Phone' }), secret };
}
