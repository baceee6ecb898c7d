/** What a transfer demands of the person's authentication, by its amount. */
import type { Demand } from '@stile/sdk/server';

interface Tier {
  /** Cents, inclusive. */
  readonly upTo: number;
  readonly demand: Demand;
}

const scope = ['transfers:write'];

const tiers: readonly Tier[] = [
  { upTo: 100_00, demand: { scope } },
  { upTo: 1_000_00, demand: { scope, acr: ['urn:stile:acr:mfa'], maxAge: 900 } },
];

/** Up to the first tier the sign-in is enough. */
export function demandOf(cents: number): Demand {
  const tier = tiers.find(({ upTo }) => cents <= upTo);
  return tier?.demand ?? { scope, acr: ['phr'], maxAge: 300 };
}
