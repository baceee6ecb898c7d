/**
 * What factors can come to: the levels that enrolled credentials, and one more, could ever reach. Every question is put
 * to `evaluate`.
 */
import { type EnrolmentOffer, evaluate } from './evaluate.ts';
import type { Level } from './ladder.ts';
import { type CredentialFacts, type Kind, proofShape } from './proofs.ts';

/** A factor that is not enrolled yet, as its credential would be. */
export type NewFactor = Omit<EnrolmentOffer, 'boundAt'> & Pick<CredentialFacts, 'synced'>;

/** The strongest level that all of these credentials together can reach; undefined: nobody can sign in with them. */
export function bestLevel(
  levels: readonly Level[],
  credentials: readonly CredentialFacts[],
): Level | undefined {
  return strongestFirst(levels).find((level) => reach(level, levels, credentials, []) === 'stepUp');
}

/** The strongest level that the new factor, and not the enrolled ones without it, would let the account reach. */
export function levelOfFactor(
  levels: readonly Level[],
  credentials: readonly CredentialFacts[],
  factor: NewFactor,
): Level | undefined {
  // Bound as strongly as can be: a level that demands a strong binding is not missed.
  const offer = { ...factor, boundAt: levels.at(-1)?.acr ?? null };
  const sorts = oneOfEachSort(credentials);
  const beside = [[], ...sorts.map((one) => [one]), ...pairs(sorts)];
  return strongestFirst(levels).find((level) =>
    beside.some((others) => reach(level, levels, others, [offer]) === 'enrol'),
  );
}

/** Whether the account has no second kind of factor yet: whoever has its one factor has all of it. */
export function lacksSecondFactor(credentials: readonly CredentialFacts[]): boolean {
  const kinds = new Set<Kind>(
    credentials.flatMap(({ method, userVerifying }) => proofShape(method, userVerifying === true).kinds),
  );
  return kinds.size < 2;
}

/** What it takes, from nothing proved, to hold the level with these credentials and offers. */
function reach(
  level: Level,
  levels: readonly Level[],
  credentials: readonly CredentialFacts[],
  enrollable: readonly EnrolmentOffer[],
): string {
  return evaluate({
    proofs: [],
    requirement: { clauses: [{ source: 'account', acr: [level.acr], reason: 'reason.account' }] },
    levels,
    account: { credentials, enrollable },
    transaction: { id: '~', clientId: '~' },
    now: 0,
  }).kind;
}

/** The levels, the last declared first. */
export function strongestFirst(levels: readonly Level[]): readonly Level[] {
  return [...levels].reverse();
}

/** Credentials that differ in nothing but their id count alike. */
function oneOfEachSort(credentials: readonly CredentialFacts[]): readonly CredentialFacts[] {
  const sorts = new Map(
    credentials.map((credential) => [JSON.stringify({ ...credential, id: '' }), credential]),
  );
  return [...sorts.values()];
}

function pairs<T>(items: readonly T[]): T[][] {
  return items.flatMap((item, index) => items.slice(index + 1).map((other) => [item, other]));
}
