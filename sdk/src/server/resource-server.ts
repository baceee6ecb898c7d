/** A resource server: a request's facts and a demand in, a decision out. */
import type { Demand } from '../shared/demand.ts';
import { subjectOf, type Token } from './claims.ts';
import { createProofs } from './dpop.ts';
import {
  InvalidProofError,
  InvalidTokenError,
  IssuerUnavailableError,
  ReplaysUnavailableError,
} from './errors.ts';
import { createIssuer } from './issuer.ts';
import { checkDemand, shortfalls } from './judge.ts';
import { describeResource } from './metadata.ts';
import { createNonces } from './nonces.ts';
import { checkOptions, DEFAULT_ALGORITHMS, type ResourceServerOptions } from './options.ts';
import { createRefusals, type Scheme } from './refusals.ts';
import { createReplayMemory } from './replay.ts';
import { createTokens } from './tokens.ts';
import type { Decision, Permit, RequestFacts, ResourceServer } from './types.ts';

/** Seconds after which a store of proofs may answer again. */
const RETRY = 10;

/** @throws InvalidOptionsError. Nothing is fetched before the first token. */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  checkOptions(options);
  const deps = assemble(options);
  const report = (request: RequestFacts, decision: Decision, demand?: Demand): Decision => {
    try {
      const { method, url } = request;
      options.onDecision?.({ method, url, decision, ...(demand && { demand }) });
    } catch {
      // A log that fails decides nothing.
    }
    return decision;
  };
  return {
    metadata: deps.metadata,
    authenticate: async (request) => report(request, await authenticate(deps, request)),
    authorize: async (request, permit, demand) => {
      return report(request, await authorize(deps, permit, checkDemand(demand)), demand);
    },
    decide: async (request, demand) => {
      if (demand) checkDemand(demand);
      const permit = await authenticate(deps, request);
      const decision = permit.allowed && demand ? await authorize(deps, permit, demand) : permit;
      return report(request, decision, demand);
    },
  };
}

type Deps = ReturnType<typeof assemble>;

function assemble(options: ResourceServerOptions) {
  const { algorithms = DEFAULT_ALGORITHMS, clockTolerance = 10, dpop } = options;
  const { fetch = (url, init) => globalThis.fetch(url, init) } = options;
  const { now = () => Math.floor(Date.now() / 1000) } = options;
  const issuer = createIssuer({ issuer: options.issuer, fetch, now });
  const nonces = dpop?.nonces ? createNonces(nonceSecret(dpop.nonces), now) : undefined;
  const replays = dpop?.replays ?? createReplayMemory(now);
  const metadata = describeResource(options, algorithms);
  const schemes: Scheme[] = dpop?.required ? ['DPoP'] : dpop ? ['Bearer', 'DPoP'] : ['Bearer'];
  return {
    options,
    issuer,
    nonces,
    metadata,
    now,
    readToken: createTokens({ options, issuer, fetch, now }),
    checkProof: createProofs({ algorithms, clockTolerance, nonces, replays, now }),
    refusals: createRefusals({
      algorithms,
      schemes,
      realm: options.realm,
      resourceMetadata: options.resourceMetadata && metadata.url,
    }),
  };
}

function nonceSecret(nonces: true | { readonly secret: string | Uint8Array }): string | Uint8Array {
  return nonces === true ? crypto.getRandomValues(new Uint8Array(32)) : nonces.secret;
}

/** The token, its binding and its proof. */
async function authenticate(deps: Deps, request: RequestFacts): Promise<Decision> {
  const credentials = readCredentials(request.authorization);
  const nonce = await deps.nonces?.current();
  if (credentials === 'none') return deps.refusals.noToken(nonce);
  if (credentials === 'malformed') {
    const scheme = deps.options.dpop?.required ? 'DPoP' : 'Bearer';
    return deps.refusals.badToken('malformed_request', { scheme, detail: 'Authorization', nonce });
  }
  let { scheme } = credentials;
  try {
    const token = await deps.readToken(credentials.token);
    if (token.jkt !== undefined || deps.options.dpop?.required) scheme = 'DPoP';
    if (deps.options.subject === 'person') subjectOf(token.caller);
    await checkBinding(deps, request, credentials, token);
    return { allowed: true, caller: token.caller, headers: nonceHeader(token, nonce) };
  } catch (error) {
    if (error instanceof IssuerUnavailableError)
      return deps.refusals.unavailable('issuer_unavailable', error.retryAfter, error.message);
    if (error instanceof ReplaysUnavailableError)
      return deps.refusals.unavailable('replays_unavailable', RETRY, error.message);
    const detail = error instanceof Error ? error.message : 'unknown';
    const words = { scheme, detail, nonce: scheme === 'DPoP' ? nonce : undefined };
    if (error instanceof InvalidProofError) return deps.refusals.badToken(error.code, words);
    if (error instanceof InvalidTokenError) return deps.refusals.badToken('invalid_token', words);
    throw error;
  }
}

async function authorize(deps: Deps, permit: Permit, demand: Demand): Promise<Decision> {
  const implied = await deps.issuer.implied().catch(asUnavailable);
  if (implied instanceof IssuerUnavailableError)
    return deps.refusals.unavailable('issuer_unavailable', implied.retryAfter, implied.message);
  const lacks = shortfalls(demand, permit.caller, { implied, now: deps.now() });
  if (lacks.length === 0) return permit;
  return deps.refusals.lacking(demand, lacks, permit.caller, permit.headers['dpop-nonce']);
}

function asUnavailable(error: unknown): IssuerUnavailableError {
  if (error instanceof IssuerUnavailableError) return error;
  throw error;
}

function nonceHeader({ jkt }: Token, nonce: string | undefined): Readonly<Record<string, string>> {
  return jkt === undefined || nonce === undefined ? {} : { 'dpop-nonce': nonce };
}

interface Credentials {
  readonly scheme: Scheme;
  readonly token: string;
}

/** Another scheme is no access token at all; two fields joined by a comma are a malformed request (RFC 6750 3.1). */
function readCredentials(field: string | undefined): Credentials | 'none' | 'malformed' {
  if (field === undefined || field.trim() === '') return 'none';
  if (!/^(?:bearer|dpop)(?: |$)/i.test(field))
    return /,\s*(?:bearer|dpop) /i.test(field) ? 'malformed' : 'none';
  const [, scheme = '', token] = /^(\w+) +([A-Za-z0-9\-._~+/]+=*) *$/.exec(field) ?? [];
  if (token === undefined) return 'malformed';
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}

/** RFC 9449 7.2: a bound token never as a bearer token, nor the reverse. RFC 8705 3: the certificate of the connection. */
async function checkBinding(
  deps: Deps,
  request: RequestFacts,
  credentials: Credentials,
  { jkt, x5t }: Token,
) {
  if (x5t !== undefined && x5t !== request.certificateThumbprint)
    throw new InvalidTokenError('bound to another certificate');
  if (jkt === undefined) {
    if (credentials.scheme === 'DPoP' || deps.options.dpop?.required)
      throw new InvalidTokenError('not bound to a key');
    return;
  }
  if (credentials.scheme !== 'DPoP')
    throw new InvalidTokenError('a token bound to a key, sent as a bearer token');
  const { method, dpop: proof } = request;
  const url = publicUrl(request.url, deps.options.origin);
  await deps.checkProof({ proof, method, url, token: credentials.token, jkt });
}

/** As the client called it: behind a proxy, the path on the public origin. */
function publicUrl(url: string, origin: string | undefined): string {
  if (origin === undefined || !URL.canParse(url)) return url;
  return new URL(origin).origin + new URL(url).pathname;
}
