/**
 * `standingOf`, worked out once for decisions that differ in nothing it looks at: whose proofs are of the same sorts, on the same
 * side of every age that counts, before the same clauses.
 */
import type { RecordedDecision } from '../decision.ts';
import { type Level, lifetimeOf } from '../level.ts';
import type { CredentialFacts, Proof } from '../proofs.ts';
import type { Clause } from '../requirement.ts';
import { type Added, isRefresh, type Judge, proofsBefore, type Standing, standingOf } from './standing.ts';

/** Answers kept; of real histories there are far fewer. */
const MOST = 50_000;

/** One judge for one set of levels. Its memory is bounded. */
export function createJudge(levels: readonly Level[], most: number = MOST): Judge {
  const known = new Map<string, Standing>();
  const keyOf = keysFor(levels);
  return (decision, added) => {
    if (added.deny) return isRefresh(decision) ? 'refused' : 'denied';
    const key = keyOf(decision, added);
    const found = known.get(key);
    if (found) return found;
    const standing = standingOf(decision, added, levels);
    if (known.size >= most) known.clear();
    known.set(key, standing);
    return standing;
  };
}

function keysFor(levels: readonly Level[]): (decision: RecordedDecision, added: Added) => string {
  const limits = levels.flatMap((level) => [level.maxAge, lifetimeOf(level)]);
  const ofLevels = limits.flatMap((limit) => (limit === undefined ? [] : [limit - 1]));
  const idle = levels.some((level) => level.idle);
  let last: { readonly decision: RecordedDecision; readonly key: string } | undefined;
  return (decision, added) => {
    // Asked several times in a row of one decision, of which only what is added is another.
    if (last?.decision !== decision) last = { decision, key: decisionKey(decision, idle) };
    let key = last.key;
    for (const clause of added.clauses) key += clauseKey(clause);
    const ages = agesOf(ofLevels, decision.clauses, added.clauses);
    for (const { at } of decision.proofs) key += ageKey(at, decision.now, ages);
    return key;
  };
}

function decisionKey(decision: RecordedDecision, idle: boolean): string {
  const { clauses, facts, lastAcr } = decision;
  const starts = startsOf(decision);
  let key = `${facts.request.event} ${facts.request.silent} ${lastAcr}`;
  for (const clause of clauses) key += clauseKey(clause);
  for (const credential of decision.credentials) key += credentialKey(credential);
  for (const proof of decision.proofs) key += proofKey(proof, decision, starts(proof));
  // How long a session sat idle is compared with what nobody but `evaluate` knows.
  return idle
    ? `${key} ${decision.now} ${JSON.stringify([decision.lastActive, decision.proofs])}+`
    : `${key}+`;
}

const always = () => true;

/** Whether a proof is one of `proofsBefore`. */
function startsOf(decision: RecordedDecision): (proof: Proof) => boolean {
  if (isRefresh(decision)) return always;
  const before = proofsBefore(decision);
  return before.length === decision.proofs.length ? always : (proof) => before.includes(proof);
}

/** Ages at which a proof ceases to count, as `satisfy` counts them. */
function agesOf(ofLevels: readonly number[], ...lists: readonly (readonly Clause[])[]): readonly number[] {
  const ages = [...ofLevels];
  for (const clauses of lists)
    for (const { maxAge } of clauses) if (maxAge !== undefined) ages.push(maxAge - Math.min(10, maxAge / 10));
  return ages;
}

function clauseKey({ source, acr, voluntary, maxAge, reauthenticate, name, narrow }: Clause): string {
  // Texts of requests: quoted, so that none can look like two.
  const texts = acr || name !== undefined ? JSON.stringify([acr, name]) : '';
  return `|${source} ${voluntary} ${maxAge} ${reauthenticate} ${narrow} ${texts}`;
}

function credentialKey({
  method,
  boundAt,
  userVerifying,
  hardwareProtected,
  synced,
}: CredentialFacts): string {
  return `;${method} ${boundAt} ${userVerifying} ${hardwareProtected} ${synced}`;
}

function proofKey(proof: Proof, decision: RecordedDecision, starts: boolean): string {
  const { method, credentialId, kinds, phishingResistant, userVerified, forClient, upstream } = proof;
  const { credentials, facts, transaction } = decision;
  const by = credentialId === undefined ? '' : credentials.findIndex(({ id }) => id === credentialId);
  const whose = forClient === undefined ? '' : forClient === facts.client.id;
  const own = proof.transaction === transaction;
  const from = upstream ? JSON.stringify(upstream.issuer) : '';
  const flags = `${+starts}${+own}${+phishingResistant}${+userVerified}`;
  return `,${flags} ${method} ${kinds.join('/')} ${by} ${whose} ${from}`;
}

/** On which side of each age a proof is. */
function ageKey(at: Proof['at'], now: number, ages: readonly number[]): string {
  if (at === null) return ',never';
  let key = ',';
  for (const limit of ages) key += now - at <= limit ? '1' : '0';
  return key;
}
