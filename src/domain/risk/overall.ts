/** What everybody's sign-ins have in common, for the score. */
import type { Feature, FeatureCounts, Overall } from './risk.ts';

export const allFeatures: readonly Feature[] = [
  'address',
  'asn',
  'country',
  'agent',
  'browser',
  'os',
  'device',
];

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
