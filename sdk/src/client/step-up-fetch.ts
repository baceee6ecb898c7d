/** A fetch that answers step-up challenges (RFC 9470) and sends the call again. */
import { demandKey, type StepUp, together } from '../shared/step-up.ts';
import { type BeginOptions, createClient } from './client.ts';
import { StepUpError } from './errors.ts';
import { type FlightDeps, obtain } from './flights.ts';
import { type Extras, extrasOf, type KeepOptions, keepRequest } from './keep.ts';
import { sendWith } from './send.ts';
import type { Authorization, ClientOptions, KeptRequest, Obtain, Progress, Tokens } from './types.ts';

export interface StepUpFetchOptions extends ClientOptions, KeepOptions {
  /** Absent: StepUpError `authorization_required`, with the `url` to go to; `complete` carries on. */
  readonly obtain?: Obtain;
}

export interface Finished {
  readonly tokens: Tokens;
  readonly context: string | undefined;
  /** Sends the kept call again, with the demands followed so far; undefined: none was kept. */
  readonly resume: (() => Promise<Response>) | undefined;
}

export interface StepUpFetch {
  /** As fetch; `context` comes back from `complete`. Throws StepUpError and ChallengeError besides fetch's own. */
  (input: RequestInfo | URL, init?: RequestInit & { readonly context?: string }): Promise<Response>;
  begin(options?: BeginOptions): Promise<Authorization>;
  /** Takes the address the browser came back to. */
  complete(callback: string | URL): Promise<Finished>;
  /** The tokens a call would go with now; undefined: nobody is signed in, or no longer. */
  tokens(): Promise<Tokens | undefined>;
  /** Forgets the tokens; where to send the browser to sign out at the issuer, too (RP-initiated logout), if it can. */
  signOut(returnTo?: string): Promise<string | undefined>;
}

export function createStepUpFetch(options: StepUpFetchOptions): StepUpFetch {
  const client = createClient(options);
  const deps: Deps = { client, options, flights: new Map() };
  const call = async (input: RequestInfo | URL, init?: RequestInit & { readonly context?: string }) => {
    const { context, ...rest } = init ?? {};
    const extras = extrasOf(input, rest);
    const kept = await keepRequest(input, init && rest, options);
    const progress: Progress = { followed: [], ...(context === undefined ? {} : { context }) };
    return run(deps, { kept, extras, progress });
  };
  return Object.assign(call, {
    begin: client.begin,
    tokens: () => client.current(),
    signOut: client.signOut,
    complete: async (callback: string | URL): Promise<Finished> => {
      const { tokens, pending } = await client.complete(callback);
      const { request: kept, followed, context, stepUp } = pending;
      const named = context === undefined ? {} : { context };
      const { sub } = tokens;
      const progress: Progress = { followed, sub, ...named, ...(stepUp ? { stepUp } : {}) };
      const resume = kept && once(() => run(deps, { kept, extras: {}, progress }));
      return { tokens, context, resume };
    },
  });
}

/** A call that is sent again by mistake may act twice. */
function once(send: () => Promise<Response>): () => Promise<Response> {
  let sent = false;
  return async () => {
    if (sent) throw new StepUpError('unknown_state', 'The call was sent already');
    sent = true;
    return send();
  };
}

interface Deps extends FlightDeps {
  readonly options: StepUpFetchOptions;
}

interface Call {
  readonly kept: KeptRequest;
  readonly extras: Extras;
  readonly progress: Progress;
}

/** Different demands may follow one another, as when a policy tightens meanwhile; this many, then no more. */
const MOST_DEMANDS = 4;

async function run(deps: Deps, { kept, extras, progress }: Call): Promise<Response> {
  const { client, options } = deps;
  checkAddress(options, kept.url);
  const followed = [...progress.followed];
  // Whose call this is, from before the first token is asked for: a token of somebody else is never sent with it.
  const own = ownTokens(progress.sub ?? (await client.subject()));
  const ask = (stepUp?: StepUp) =>
    obtain(deps, { kept, progress: { ...progress, ...own.pin(), followed } }, stepUp).then(own.check);
  const refused = new Set<string>();
  const first = own.check(await client.current());
  if (!first) count(followed, TOKEN);
  let tokens = first ?? (await ask());
  let wanted = progress.stepUp;
  for (;;) {
    const sent = { kept, extras, fetch: options.fetch ?? fetch };
    const { response, stepUp } = await sendWith(await client.connect(), tokens, sent);
    if (!stepUp || !canFollow(stepUp)) return response;
    refused.add(tokens.access);
    await response.body?.cancel();
    if (isInvalid(stepUp)) {
      count(followed, TOKEN, stepUp);
      await client.renew(tokens.access);
      tokens = own.check(await client.current(refused)) ?? (await ask(stepUp));
    } else {
      wanted = together(wanted, stepUp);
      const known = own.check(await client.current(refused, wanted));
      if (!known) count(followed, demandKey(stepUp), stepUp);
      tokens = known ?? (await ask(wanted));
    }
  }
}

/** The person of a call; who sends one signed out is the one who signs in for it. */
function ownTokens(known: string | undefined) {
  let sub = known;
  return {
    pin: () => (sub === undefined ? {} : { sub }),
    check: <T extends Tokens | undefined>(tokens: T): T => {
      if (!tokens) return tokens;
      sub ??= tokens.sub;
      if (tokens.sub !== sub) throw new StepUpError('other_subject', 'Somebody else is signed in by now');
      return tokens;
    },
  };
}

/** Any token at all: one that was obtained for this call and is called invalid is not replaced by another. */
const TOKEN = 'token';

/** The loop guard: what was obtained for this call before is not asked for again. */
function count(followed: string[], key: string, stepUp?: StepUp): void {
  if (followed.includes(key) || followed.length >= MOST_DEMANDS)
    throw new StepUpError('still_insufficient', 'The API demands the same again', stepUp ? { stepUp } : {});
  followed.push(key);
}

function canFollow(stepUp: StepUp): boolean {
  return (
    stepUp.error === 'insufficient_user_authentication' ||
    (stepUp.error === 'insufficient_scope' && stepUp.scope.length > 0) ||
    isInvalid(stepUp)
  );
}

/** A plain challenge means the same: the token that was sent is not one. */
function isInvalid({ error }: StepUp): boolean {
  return error === 'invalid_token' || error === undefined;
}

function checkAddress({ resource, apis = [resource] }: ClientOptions, url: string): void {
  const target = new URL(url);
  const within = apis
    .map((api) => new URL(api))
    .some(({ origin, pathname }) => {
      const folder = pathname.endsWith('/') ? pathname : `${pathname}/`;
      return origin === target.origin && `${target.pathname}/`.startsWith(folder);
    });
  if (!within) throw new StepUpError('foreign_url', 'Tokens are not sent to this address');
}
