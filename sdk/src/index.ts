/** What both halves share: the words of a step-up challenge (RFC 9470, RFC 6750, RFC 9449). */
export type { AuthorizationDetail, Demand } from './shared/demand.ts';
