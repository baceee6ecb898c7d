/** Policy and risk where a test is about something else: no rules, nobody's habits known. */
import { emptyPolicy } from '../../src/config/policy/load.ts';
import type { Deps } from '../../src/services/deps.ts';
import type { Located } from '../../src/services/ports/machine.ts';
import { createAddressKeys, createOverallCounts } from '../../src/services/risk.ts';

type Parts = Pick<Deps, 'clock' | 'random' | 'vault' | 'signIns'>;

export function nothingAsked(parts: Parts): Pick<Deps, 'policy' | 'risk' | 'isRemembered'> {
  return {
    policy: { current: () => emptyPolicy },
    risk: {
      ...parts,
      addressKeys: createAddressKeys(parts.vault),
      network: { of: nowhere },
      overall: createOverallCounts(parts),
    },
    isRemembered: async () => false,
  };
}

function nowhere(address: string): Located {
  const unknown = {
    country: '',
    asn: 0,
    organisation: '',
    private: false,
    listed: false,
    anonymising: false,
  };
  return { address, ...unknown, place: null };
}
