/** What everybody's sign-ins have in common, for the score. */
import type { FeatureCounts, Overall } from './risk.ts';

const nothing: FeatureCounts = { total: 0, distinct: 0, counts: new Map() };

/** Before anybody signed in. */
export const nobody: Overall = {
  features: {
    address: nothing,
    asn: nothing,
    country: nothing,
    agent: nothing,
    browser: nothing,
    os: nothing,
    device: nothing,
  },
  signIns: 0,
  people: 0,
};
