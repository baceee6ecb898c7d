/** Authorization requests and tokens of one person at one client. */
import type { StepUp } from '../shared/step-up.ts';
import { asked, readAnswer, sendRequest } from './authorize.ts';
import { satisfies, withTokens } from './cache.ts';
import { StepUpError } from './errors.ts';
import { type Connection, createConnector, openIssuer } from './issuer.ts';
import { createStore, type Store } from './store.ts';
import { nowOf, refreshTokens } from './tokens.ts';
import type { Authorization, ClientOptions, KeptRequest, Pending, Tokens } from './types.ts';

export interface BeginOptions {
  readonly stepUp?: StepUp;
  /** The call to be sent again, with the demands followed for it. */
  readonly request?: KeptRequest;
  readonly followed?: readonly string[];
  /** Comes back from `complete`. */
  readonly context?: string;
  /** An ordinary sign-in may be answered by somebody else; a call may not. Default: nobody else, with a demand. */
  readonly samePerson?: boolean;
  /** Whose answer alone will do. Default: see `samePerson`. */
  readonly sub?: string;
}

export interface Completed {
  readonly tokens: Tokens;
  readonly pending: Pending;
}

export interface Client {
  readonly options: ClientOptions;
  readonly connect: () => Promise<Connection>;
  /** Makes an authorization request and keeps what its answer needs. */
  begin(options?: BeginOptions): Promise<Authorization>;
  /** Reads the answer, once. Throws StepUpError. */
  complete(callback: string | URL): Promise<Completed>;
  /** The newest tokens that are good for a call now, refreshed if need be; `but`: these were refused. */
  current(but?: ReadonlySet<string>, demand?: StepUp): Promise<Tokens | undefined>;
  /** Whose tokens are kept, good or not. */
  subject(): Promise<string | undefined>;
  signOut(returnTo?: string): Promise<string | undefined>;
  /** Forgets an access token that an API calls invalid; it is refreshed if it can be. */
  renew(access: string): Promise<void>;
}

export function createClient(options: ClientOptions): Client {
  const issuer =
    typeof options.issuer === 'string' ? openIssuer(options.issuer, options.fetch) : options.issuer;
  const connect = createConnector(options, issuer);
  const store = createStore(options);
  const deps: Deps = { options, connect, store, refreshing: new Map() };
  return {
    options,
    connect,
    subject: async () => (await store.read())[0]?.sub,
    signOut: (returnTo) => signOut(deps, returnTo),
    begin: (wanted) => begin(deps, wanted ?? {}),
    complete: (callback) => complete(deps, new URL(callback)),
    current: (but, demand) => current(deps, but ?? new Set(), demand),
    renew: async (access) => {
      const old = (await store.read()).find((each) => each.access === access);
      if (old) await refreshed(deps, old);
    },
  };
}

interface Deps {
  readonly options: ClientOptions;
  readonly connect: () => Promise<Connection>;
  readonly store: Store;
  /** One refresh at a time: a refresh token used twice counts as stolen. */
  readonly refreshing: Map<string, Promise<Tokens | undefined>>;
}

async function begin({ options, connect, store }: Deps, wanted: BeginOptions): Promise<Authorization> {
  const { stepUp, request, followed = [], context, samePerson = stepUp !== undefined } = wanted;
  const [latest] = await store.read();
  const sub = wanted.sub ?? (samePerson ? latest?.sub : undefined);
  const parameters = stepUp?.parameters ?? {};
  // Never a hint to somebody who may not answer.
  const hint = sub === undefined || sub === latest?.sub ? latest?.idToken : undefined;
  const sent = await sendRequest(options, await connect(), { parameters, hint });
  const pending: Pending = {
    nonce: sent.nonce,
    verifier: sent.verifier,
    redirectUri: options.redirectUri,
    parameters,
    followed,
    ...(sub === undefined ? {} : { sub }),
    ...(stepUp ? { stepUp } : {}),
    ...(request ? { request } : {}),
    ...(context === undefined ? {} : { context }),
  };
  await store.await(sent.state, pending);
  return { url: sent.url, state: sent.state, ...(stepUp ? { stepUp } : {}) };
}

async function complete({ options, connect, store }: Deps, answer: URL): Promise<Completed> {
  const state = answer.searchParams.get('state') ?? '';
  const pending = await store.answered(state);
  if (!pending) throw new StepUpError('unknown_state', 'No such request is waiting for an answer');
  const era = store.era();
  const tokens = await readAnswer(options, await connect(), { pending, state, answer });
  if (pending.sub !== undefined && pending.sub !== tokens.sub) {
    const context = pending.context === undefined ? {} : { context: pending.context };
    throw new StepUpError('other_subject', 'The answer is about somebody else', context);
  }
  if (era !== store.era()) throw new StepUpError('unknown_state', 'Signed out before the answer was read');
  await store.change((all) => withTokens(all, tokens));
  return { tokens, pending };
}

async function current(deps: Deps, but: ReadonlySet<string>, demand?: StepUp): Promise<Tokens | undefined> {
  const { clockTolerance = 10, resource } = deps.options;
  const now = nowOf(deps.options);
  const implied = demand ? impliedBy((await deps.connect()).server) : {};
  const unfit = new Set(but);
  const fits = (tokens: Tokens) =>
    tokens.resource === resource &&
    !unfit.has(tokens.access) &&
    (!demand || satisfies(tokens, { demand, implied, now }));
  // Read anew after each refresh: who was signed in may have signed out meanwhile.
  for (;;) {
    const tokens = (await deps.store.read()).find(fits);
    if (!tokens || now < tokens.expiresAt - clockTolerance) return tokens;
    unfit.add(tokens.access);
    const renewed = await refreshed(deps, tokens);
    if (renewed) return renewed;
  }
}

function impliedBy(server: Readonly<Record<string, unknown>>): Record<string, readonly string[]> {
  const found = server['acr_values_implied'];
  return typeof found === 'object' && found !== null ? (found as Record<string, readonly string[]>) : {};
}

async function signOut({ connect, store }: Deps, returnTo?: string): Promise<string | undefined> {
  const [latest] = await store.read();
  await store.clear();
  const { server, client } = await connect();
  if (server.end_session_endpoint === undefined) return undefined;
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set('client_id', client.client_id);
  if (latest) url.searchParams.set('id_token_hint', latest.idToken);
  if (returnTo !== undefined) url.searchParams.set('post_logout_redirect_uri', returnTo);
  return url.href;
}

/** Replaces the old tokens, where they are still there; without a refresh token, or when it has ended, they are forgotten. */
function refreshed(deps: Deps, old: Tokens): Promise<Tokens | undefined> {
  const running = deps.refreshing.get(old.access);
  if (running) return running;
  const work = refresh(deps, old).finally(() => deps.refreshing.delete(old.access));
  deps.refreshing.set(old.access, work);
  return work;
}

async function refresh({ options, connect, store }: Deps, old: Tokens): Promise<Tokens | undefined> {
  const { refresh: token } = old;
  const connection = token === undefined ? undefined : await connect();
  const renewed =
    token !== undefined && connection
      ? await asked(() => refreshTokens(options, connection, { ...old, refresh: token }))
      : undefined;
  const gone = (all: readonly Tokens[]) => all.filter(({ access }) => access !== old.access);
  let stored: Tokens | undefined;
  await store.change((all) => {
    // Signed out, or replaced, while the issuer was asked: what is there now is not to be touched.
    if (!all.some(({ access }) => access === old.access)) return all;
    stored = renewed;
    return renewed ? withTokens(gone(all), renewed) : gone(all);
  });
  return stored;
}
