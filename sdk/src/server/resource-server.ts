/** A resource server: a request's facts and a demand in, a decision out. */
import type { Demand } from '../shared/demand.ts';
import { authenticate } from './authenticate.ts';
import { createProofs } from './dpop.ts';
import { IssuerUnavailableError } from './errors.ts';
import { createIssuer, type Implied } from './issuer.ts';
import { checkDemand, shortfalls } from './judge.ts';
import { describeResource } from './metadata.ts';
import { createNonces, type NonceSecret } from './nonces.ts';
import {
  checkOptions,
  DEFAULT_ALGORITHMS,
  type NonceOptions,
  type ResourceServerOptions,
} from './options.ts';
import { createRefusals, type Scheme } from './refusals.ts';
import { createReplayMemory } from './replay.ts';
import { andThen, type Soon } from './soon.ts';
import { createTokens } from './tokens.ts';
import type { Decision, Permit, RequestFacts, ResourceServer } from './types.ts';

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
    authenticate: (request) => andThen(authenticate(deps, request), (decision) => report(request, decision)),
    authorize: (request, permit, demand) =>
      andThen(authorize(deps, permit, checkDemand(demand)), (decision) => report(request, decision, demand)),
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
  const nonces = dpop?.nonces ? createNonces(nonceSecrets(dpop.nonces), now) : undefined;
  const replays = dpop?.replays ?? createReplayMemory(now);
  const metadata = describeResource(options, algorithms);
  const schemes: Scheme[] = dpop?.required ? ['DPoP'] : dpop ? ['Bearer', 'DPoP'] : ['Bearer'];
  return {
    options,
    issuer,
    nonces,
    metadata,
    now,
    tokens: createTokens({ options, issuer, fetch, now }),
    checkProof: createProofs({
      algorithms,
      clockTolerance,
      nonces,
      replays,
      verifiers: dpop?.verifiers,
      now,
    }),
    refusals: createRefusals({
      algorithms,
      schemes,
      resourceMetadata: options.resourceMetadata && metadata.url,
    }),
  };
}

function nonceSecrets(nonces: true | NonceOptions): readonly [NonceSecret, ...NonceSecret[]] {
  if (nonces === true) return [crypto.getRandomValues(new Uint8Array(32))];
  return [nonces.secret, ...(nonces.previous ?? [])];
}

function authorize(deps: Deps, permit: Permit, demand: Demand): Soon<Decision> {
  const implied = deps.issuer.implied();
  const judged = (value: Implied) => compare(deps, permit, { demand, implied: value });
  if (!(implied instanceof Promise)) return judged(implied);
  return implied.then(judged, (error) => {
    const { retryAfter, message } = asUnavailable(error);
    return deps.refusals.unavailable(retryAfter, message);
  });
}

function compare(
  { refusals, now }: Deps,
  permit: Permit,
  { demand, implied }: { readonly demand: Demand; readonly implied: Implied },
): Decision {
  const lacks = shortfalls(demand, permit.caller, { implied, now: now() });
  if (lacks.length === 0) return permit;
  return refusals.lacking(demand, lacks, permit.caller, permit.headers['dpop-nonce']);
}

function asUnavailable(error: unknown): IssuerUnavailableError {
  if (error instanceof IssuerUnavailableError) return error;
  throw error;
}
