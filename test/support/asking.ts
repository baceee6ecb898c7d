/** Policy, network and risk where a test is about something else: no rules, nothing known. */

import type { Deps } from '../../src/services/deps.ts';
import { noRisk } from '../../src/services/policy-facts.ts';

export const nothingAsked: Pick<Deps, 'policy' | 'network' | 'risk' | 'isRemembered'> = {
  policy: { current: () => ({ version: 'none', timeZone: 'UTC', rules: [] }) },
  network: {
    of: (address) => ({
      address: address ?? '',
      country: '',
      asn: 0,
      organisation: '',
      private: false,
      listed: false,
      anonymising: false,
    }),
  },
  risk: {
    assess: async () => ({ device: { known: false, remembered: false }, risk: noRisk }),
    remember: async () => undefined,
    origin: () => ({ network: '', program: '' }),
    describe: () => ({ browser: '', os: '', kind: 'unknown' }),
  },
  isRemembered: async () => false,
};
