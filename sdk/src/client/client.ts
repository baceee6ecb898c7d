/** Authorization requests and tokens of one person at one client. */
import type { StepUp } from '../shared/step-up.ts';
import { asked, readAnswer, sendRequest } from './authorize.ts';
import { satisfies, withTokens } from './cache.ts';
import { StepUpError } from './errors.ts';
import { type Connection, createConnector, openIssuer } from './issuer.ts';
import { memoryStorage } from './storage.ts';
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

type Store = ReturnType<typeof createStore>;

interface Deps {
  readonly options: ClientOptions;
  readonly connect: () => Promise<Connection>;
  readonly store: Store;
  /** One refresh at a time: a refresh token used twice counts as stolen. */
  readonly refreshing: Map<string, Promise<Tokens | undefined>>;
}

function createStore({ storage = memoryStorage() }: ClientOptions) {
  let queue: Promise<unknown> = Promise.resolve();
  const read = async (): Promise<Tokens[]> => JSON.parse((await storage.get('tokens')) ?? '[]') as Tokens[];
  /** One change after the other. */
  const change = (next: (all: readonly Tokens[]) => readonly Tokens[]): Promise<void> => {
    const done = queue.then(async () => storage.set('tokens', JSON.stringify(next(await read()))));
    queue = done.catch(() => undefined);
    return done;
  };
  return { storage, read, change };
}

async function begin({ options, connect, store }: Deps, wanted: BeginOptions): Promise<Authorization> {
  const { stepUp, request, followed = [], context, samePerson = stepUp !== undefined } = wanted;
  const [latest] = await store.read();
  const parameters = stepUp?.parameters ?? {};
  const sent = await sendRequest(options, await connect(), { parameters, hint: latest?.idToken });
  const pending: Pending = {
    nonce: sent.nonce,
    verifier: sent.verifier,
    redirectUri: options.redirectUri,
    parameters,
    followed,
    ...(samePerson && latest ? { sub: latest.sub } : {}),
    ...(stepUp ? { stepUp } : {}),
    ...(request ? { request } : {}),
    ...(context === undefined ? {} : { context }),
  };
  await store.storage.set(`pending:${sent.state}`, JSON.stringify(pending));
  return { url: sent.url, state: sent.state, ...(stepUp ? { stepUp } : {}) };
}

async function complete({ options, connect, store }: Deps, answer: URL): Promise<Completed> {
  const state = answer.searchParams.get('state') ?? '';
  const found = await store.storage.take(`pending:${state}`);
  if (found === undefined) throw new StepUpError('unknown_state', 'No such request is waiting for an answer');
  const pending = JSON.parse(found) as Pending;
  const tokens = await readAnswer(options, await connect(), { pending, state, answer });
  if (pending.sub !== undefined && pending.sub !== tokens.sub) {
    const context = pending.context === undefined ? {} : { context: pending.context };
    throw new StepUpError('other_subject', 'The answer is about somebody else', context);
  }
  await store.change((all) => withTokens(all, tokens));
  return { tokens, pending };
}

async function current(deps: Deps, but: ReadonlySet<string>, demand?: StepUp): Promise<Tokens | undefined> {
  const { clockTolerance = 10, resource } = deps.options;
  const now = nowOf(deps.options);
  const implied = demand ? impliedBy((await deps.connect()).server) : {};
  for (const tokens of await deps.store.read()) {
    const unfit = tokens.resource !== resource || but.has(tokens.access);
    if (unfit || (demand && !satisfies(tokens, { demand, implied, now }))) continue;
    const fresh = now < tokens.expiresAt - clockTolerance ? tokens : await refreshed(deps, tokens);
    if (fresh) return fresh;
  }
  return undefined;
}

function impliedBy(server: Readonly<Record<string, unknown>>): Record<string, readonly string[]> {
  const found = server['acr_values_implied'];
  return typeof found === 'object' && found !== null ? (found as Record<string, readonly string[]>) : {};
}

async function signOut({ connect, store }: Deps, returnTo?: string): Promise<string | undefined> {
  const [latest] = await store.read();
  await store.change(() => []);
  const { server, client } = await connect();
  if (server.end_session_endpoint === undefined) return undefined;
  const url = new URL(server.end_session_endpoint);
  url.searchParams.set('client_id', client.client_id);
  if (latest) url.searchParams.set('id_token_hint', latest.idToken);
  if (returnTo !== undefined) url.searchParams.set('post_logout_redirect_uri', returnTo);
  return url.href;
}

/** Replaces the old tokens; without a refresh token, or when it has ended, they are forgotten. */
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
  await store.change((all) => (renewed ? withTokens(gone(all), renewed) : gone(all)));
  return renewed;
}
