/** The client half: answers a step-up challenge (RFC 9470) and sends the call again. */
export { type Challenge, ChallengeError, parseChallenges } from '../shared/challenge.ts';
export { type DemandParameters, demandKey, type StepUp, stepUpOf } from '../shared/step-up.ts';
