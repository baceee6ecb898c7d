/** The resource-server half: who calls, and whether that is enough. */
export type { AuthorizationDetail, Demand } from '../shared/demand.ts';
export { InvalidDemandError, InvalidOptionsError } from './errors.ts';
export { checkDemand } from './judge.ts';
export type {
  DecisionEvent,
  DpopOptions,
  Fetch,
  IntrospectionOptions,
  ResourceServerOptions,
} from './options.ts';
export type { ReplayStore } from './replay.ts';
export { createResourceServer } from './resource-server.ts';
export type { Caller, Decision, Permit, Reason, Refusal, RequestFacts, ResourceServer } from './types.ts';
