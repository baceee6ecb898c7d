/** Who is at the account page: the session of this browser, and how to get one, or a stronger one. */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import { FRESH_FOR } from '../../domain/enrolment.ts';
import { StileError } from '../../domain/errors.ts';
import { smallestMaxAge } from '../../domain/requirement.ts';
import {
  ACCOUNT_CLIENT,
  accountCallback,
  CHANGE_PARAMETER,
  ENROL_PARAMETER,
  type PageChange,
} from '../../oidc/account-client.ts';
import {
  type ChangeContext,
  closed,
  type DecidedGate,
  type EnrolmentMethod,
} from '../../services/change-gate.ts';
import type { Deps } from '../../services/deps.ts';
import type { AssuranceFacts, AssuranceFactsStore } from '../../services/ports/assurance.ts';
import type { SessionContext } from '../../services/sessions.ts';
import { deviceLanguages } from '../languages.ts';
import { browserOf, correlationId, deviceOf } from '../requests.ts';
import { seeOther } from '../routes.ts';
import { checkCsrf, csrfToken, neverStore } from '../security.ts';
import type { ViewModel } from '../view-models.ts';

export interface AccountDeps {
  readonly provider: Provider;
  readonly services: Deps;
  readonly facts: AssuranceFactsStore;
  readonly render: (page: ViewModel, languages?: readonly string[]) => string;
  readonly issuer: string;
}

/** Somebody signed in, with everything known of them. */
export interface Owner {
  readonly ctx: Context;
  readonly sessionUid: string;
  readonly facts: AssuranceFacts;
  readonly csrf: string;
}

/** The owner of this browser's session; undefined when nobody has proved anything in it. */
export async function findOwner(deps: AccountDeps, ctx: Context): Promise<Owner | undefined> {
  neverStore(ctx);
  const session = await deps.provider.Session.get(ctx as never);
  if (!session.accountId) return undefined;
  const facts = await deps.facts.load({
    accountId: session.accountId,
    sessionUid: session.uid,
    transactionId: null,
    clientId: ACCOUNT_CLIENT,
    now: deps.services.clock.now(),
  });
  if (facts?.account.status !== 'active' || facts.proofs.length === 0) return undefined;
  return {
    ctx,
    sessionUid: session.uid,
    facts,
    csrf: csrfToken(deps.services.vault.mac, bindingOf(ctx, session.uid)),
  };
}

/** The owner, for a form: error `session_required` when the session has ended, `csrf_failed` for a foreign form. */
export async function requireOwner(deps: AccountDeps, ctx: Context): Promise<Owner> {
  const owner = await findOwner(deps, ctx);
  if (!owner) throw new StileError('session_required');
  return owner;
}

export function checkForm(deps: AccountDeps, { ctx, sessionUid }: Owner, token: string): void {
  const { origin } = new URL(deps.issuer);
  checkCsrf({ mac: deps.services.vault.mac, origin }, ctx, { token, binding: bindingOf(ctx, sessionUid) });
}

function bindingOf(ctx: Context, sessionUid: string): string[] {
  return ['account', sessionUid, browserOf(ctx)];
}

export function sessionContext({ ctx, sessionUid, facts }: Owner): SessionContext {
  return { accountId: facts.account.id, sessionUid, correlationId: correlationId(ctx) };
}

/** Changes made outside an interaction: nothing here would promote a proof. */
export function changeContext({ ctx, sessionUid, facts }: Owner): ChangeContext {
  return {
    facts,
    transaction: { id: `session:${sessionUid}`, clientId: ACCOUNT_CLIENT },
    owner: `session:${sessionUid}`,
    staging: false,
    sessionUid,
    correlationId: correlationId(ctx),
    asked: { scopes: [], resources: [], details: [], client: { id: ACCOUNT_CLIENT, firstParty: true } },
    device: deviceOf(ctx),
  };
}

/** What is asked of an authorization request for the account page. */
export interface Ask {
  /** Where to come back to. */
  readonly returnTo: string;
  readonly acr?: string;
  readonly maxAge?: number;
  readonly enrol?: EnrolmentMethod;
  /** The change to be made then. */
  readonly change?: PageChange;
}

/** Sends the browser through an ordinary authorization request of our own client. */
export function authorize(deps: AccountDeps, ctx: Context, ask: Ask): void {
  const url = new URL(deps.provider.pathFor('authorization'), deps.issuer);
  // The code is never redeemed, so its verifier is thrown away.
  const challenge = createHash('sha256').update(deps.services.random.token(32)).digest('base64url');
  const parameters = {
    client_id: ACCOUNT_CLIENT,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: accountCallback(deps.issuer),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: ask.returnTo,
    ...(ask.acr === undefined ? {} : { acr_values: ask.acr }),
    ...(ask.maxAge === undefined ? {} : { max_age: String(ask.maxAge) }),
    ...(ask.enrol === undefined ? {} : { [ENROL_PARAMETER]: ask.enrol }),
    ...(ask.change === undefined ? {} : { [CHANGE_PARAMETER]: ask.change }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  seeOther(ctx, url.href);
}

/**
 * Whether the gate is open. If a fresh proof would open it the browser goes to give one and comes back; error
 * `enrolment_not_allowed` if nothing would.
 */
export function passGate(
  deps: AccountDeps,
  ctx: Context,
  { gate, here, change }: { readonly gate: DecidedGate; readonly here: string; readonly change: PageChange },
): boolean {
  if (gate.kind === 'allowed') return true;
  if (gate.kind === 'refused') throw closed(gate);
  if (gate.kind !== 'stepUp') throw new StileError('enrolment_not_allowed', { detail: gate.kind });
  const acr = gate.choices[0]?.acr;
  const maxAge = Math.min(FRESH_FOR, smallestMaxAge(gate.missing) ?? FRESH_FOR);
  authorize(deps, ctx, { returnTo: here, maxAge, change, ...(acr === undefined ? {} : { acr }) });
  return false;
}

/** Answers with a page. */
export function show(deps: AccountDeps, ctx: Context, page: ViewModel): void {
  ctx.type = 'html';
  ctx.body = deps.render(page, deviceLanguages(ctx));
}

/** Only pages of the account are ever returned to. */
export function safeReturn(state: unknown): string {
  return typeof state === 'string' && /^\/account(\/[\w/~-]*)?(\?notice=\w+)?$/.test(state)
    ? state
    : '/account';
}
