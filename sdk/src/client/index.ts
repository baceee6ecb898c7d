/** The client half: answers a step-up challenge (RFC 9470) and sends the call again. */
export { type Challenge, ChallengeError, parseChallenges } from '../shared/challenge.ts';
export { type DemandParameters, demandKey, type StepUp, stepUpOf } from '../shared/step-up.ts';
export type { BeginOptions } from './client.ts';
export { generateKeys, indexedDbKeys } from './dpop.ts';
export { type ErrorDetails, StepUpError, type StepUpErrorCode } from './errors.ts';
export { type Issuer, openIssuer } from './issuer.ts';
export { answerPopup, type PopupOptions, popup } from './popup.ts';
export {
  createStepUpFetch,
  type Finished,
  type StepUpFetch,
  type StepUpFetchOptions,
} from './step-up-fetch.ts';
export { type ClientStorage, memoryStorage, type WebStorage, webStorage } from './storage.ts';
export type { Authorization, ClientOptions, Obtain, Tokens } from './types.ts';
