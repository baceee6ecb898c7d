/** The resource-server half: who calls, and whether that is enough. */
export type { AuthorizationDetail, Demand } from '../shared/demand.ts';
export { type DemandFor, NotProtectedError, type Protection } from './adapter.ts';
export { subjectOf } from './claims.ts';
export { InvalidDemandError, InvalidOptionsError } from './errors.ts';
export { type Check, protect } from './fetch.ts';
export { checkDemand } from './judge.ts';
export type {
  DecisionEvent,
  DpopOptions,
  Fetch,
  IntrospectionOptions,
  NonceOptions,
  ResourceServerOptions,
} from './options.ts';
export type { ProofVerifier, ProofVerifiers } from './proof-signature.ts';
export type { ReplayStore } from './replay.ts';
export { createResourceServer } from './resource-server.ts';
export type { Soon } from './soon.ts';
export type { Caller, Decision, Permit, Reason, Refusal, RequestFacts, ResourceServer } from './types.ts';
