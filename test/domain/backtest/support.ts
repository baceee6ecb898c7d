/** Recorded decisions, by hand and at random, and the plainest way to compare two policies over them. */
import fc from 'fast-check';
import type { DecisionEvent } from '../../../src/domain/backtest/replay.ts';
import type { Added } from '../../../src/domain/backtest/standing.ts';
import type { RecordedDecision } from '../../../src/domain/decision.ts';
import { evaluate } from '../../../src/domain/evaluate.ts';
import { defaultLevels, type Level } from '../../../src/domain/ladder.ts';
import { decideUnindexed } from '../../../src/domain/policy/decide.ts';
import type { PolicyFacts } from '../../../src/domain/policy/facts.ts';
import type { Policy, Rule } from '../../../src/domain/policy/policy.ts';
import { timeFacts } from '../../../src/domain/policy/time.ts';
import { anyCase } from '../arbitraries.ts';
import { anyFacts, facts, policy } from '../policy/support.ts';
import { credentials, HERE, NOW, proofBy } from '../support.ts';

export const passwordOnly = [credentials.password];

let made = 0;

/** A sign-in an hour ago with a password, and now a request; unless told otherwise nothing is asked. */
export function decision(
  more: Partial<Omit<RecordedDecision, 'facts'>> & { readonly facts?: object } = {},
): RecordedDecision {
  const { facts: given, ...rest } = more;
  made += 1;
  return {
    v: 1,
    facts: facts(
      deepMerge(
        { account: { id: 'ada', username: 'ada' }, client: { id: 'bank' }, risk: { known: true } },
        given ?? {},
      ),
    ),
    evidence: [],
    clauses: [],
    proofs: [proofBy('password', { age: 3600 })],
    credentials: [credentials.password, credentials.totp],
    transaction: `tx-${made}`,
    lastAcr: null,
    policy: { version: 'old', matched: [], clauses: [], deny: false },
    outcome: 'satisfied',
    acr: null,
    now: NOW,
    ...rest,
  };
}

function deepMerge(a: Readonly<Record<string, object>>, b: object): object {
  return Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((group) => [
      group,
      { ...a[group], ...(b as Readonly<Record<string, object>>)[group] },
    ]),
  );
}

export function event(its: RecordedDecision, more: Partial<DecisionEvent> = {}): DecisionEvent {
  made += 1;
  return {
    id: `event-${String(made).padStart(6, '0')}`,
    at: its.now,
    type: 'authorization',
    accountId: its.facts.account.id,
    clientId: its.facts.client.id,
    sessionUid: 'session',
    decision: its,
    ...more,
  };
}

// At random --------------------------------------------------------------------------------------------------

const added = fc.record({
  clauses: fc.array(
    fc.record({
      source: fc.constant('policy' as const),
      name: fc.constantFrom('old-1', 'old-2'),
      acr: fc.constantFrom(['urn:stile:acr:mfa'], ['phr']),
      reason: fc.constant('before'),
    }),
    { maxLength: 2 },
  ),
  deny: fc.nat(8).map((of9) => of9 === 0),
});

export const anyDecision: fc.Arbitrary<RecordedDecision> = fc
  .record({
    facts: anyFacts,
    known: fc.boolean(),
    address: fc.constantFrom('', '203.0.113.0'),
    groups: fc.subarray(['staff', 'treasury']),
    account: fc.constantFrom('ada', 'ben', 'cleo'),
    its: anyCase,
    added,
    lastAcr: fc.option(fc.constantFrom('urn:stile:acr:mfa', 'phr'), { freq: 3 }),
    later: fc.nat(3 * 86_400),
  })
  .map(
    ({ facts: given, known, address, groups, account, its, added: { clauses, deny }, lastAcr, later }) => ({
      v: 1 as const,
      facts: {
        ...given,
        risk: { ...given.risk, known },
        network: { ...given.network, address },
        account: { ...given.account, id: account, groups },
        client: { ...given.client, id: its.client },
      },
      evidence: [],
      clauses: given.request.event === 'refresh' ? [] : its.clauses,
      // A decision always has a proof.
      proofs: (its.proofs.length > 0 ? its.proofs : [proofBy('password')]).map((proof) => ({
        ...proof,
        at: proof.at === null ? null : proof.at + later,
      })),
      credentials: its.enrolled,
      transaction: HERE.id,
      lastAcr,
      policy: {
        version: 'old',
        matched: clauses.map(({ name }) => ({
          rule: name,
          mode: 'enforce' as const,
          effect: 'require' as const,
        })),
        clauses,
        deny,
      },
      outcome: 'satisfied' as const,
      acr: null,
      now: NOW + later,
    }),
  );

/** In order of time; some of them of one transaction. */
export const anyHistory: fc.Arbitrary<DecisionEvent[]> = fc
  .array(
    fc.record({
      its: anyDecision,
      transaction: fc.constantFrom('t1', 't2', 't3', 't4', 't5'),
      type: fc.constantFrom('authorization', 'decision'),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list
      .toSorted((a, b) => a.its.now - b.its.now)
      .map(({ its, transaction, type }, index) =>
        event(moved(its, `${transaction}-${Math.floor(its.now / 3600)}`), {
          id: `e-${String(index).padStart(3, '0')}`,
          type: its.facts.request.event === 'refresh' ? 'token' : type,
        }),
      ),
  );

function moved(its: RecordedDecision, transaction: string): RecordedDecision {
  const proofs = its.proofs.map((proof) =>
    proof.transaction === its.transaction ? { ...proof, transaction } : proof,
  );
  return { ...its, proofs, transaction };
}

// By brute force ---------------------------------------------------------------------------------------------

/** The definitions of docs/decisions/adaptive-policy.md, word by word. */
export function plainStanding(its: RecordedDecision, added: Added, levels: readonly Level[]): string {
  const refresh = its.facts.request.event === 'refresh';
  const ask = (proofs: RecordedDecision['proofs'], transaction: string) =>
    evaluate({
      proofs,
      requirement: { clauses: [...its.clauses, ...added.clauses] },
      levels,
      account: { credentials: its.credentials, enrollable: [] },
      transaction: {
        id: transaction,
        clientId: its.facts.client.id,
        ...(its.facts.request.silent ? { silent: true } : {}),
        ...(its.lastAcr === null ? {} : { lastAcr: its.lastAcr }),
        ...(its.lastActive ? { lastActive: its.lastActive } : {}),
      },
      now: its.now,
    }).kind;
  if (refresh) {
    const asks = added.deny || added.clauses.length > 0;
    return asks && (added.deny || ask(its.proofs, '') !== 'satisfied') ? 'refused' : 'passes';
  }
  if (added.deny) return 'denied';
  const older = its.proofs.filter(({ transaction }) => transaction !== its.transaction);
  const first = its.proofs.filter(({ id }) => its.proofs.every((other) => id <= other.id)).slice(0, 1);
  const kind = ask(older.length > 0 ? older : first, its.transaction);
  if (kind === 'satisfied') return 'passes';
  if (kind === 'stepUp') return 'prompted';
  return ask(its.proofs, its.transaction) === 'satisfied' ? 'prompted' : 'lockedOut';
}

/** Every way the rules could go whose facts were not recorded. */
export function plainAfter(its: RecordedDecision, draft: Policy, levels: readonly Level[]): string {
  const all: PolicyFacts = { ...its.facts, time: timeFacts(its.now, draft.timeZone) };
  const unsure = draft.rules.filter((rule) => plainlyUnsure(rule, all));
  const ways = subsets(unsure).map((yes) => {
    const rules = draft.rules.flatMap((rule) => {
      if (!unsure.includes(rule)) return [rule];
      return yes.includes(rule) ? [{ ...rule, matches: () => true }] : [];
    });
    const { clauses, deny } = decideUnindexed(policy(...rules), all);
    return plainStanding(its, { clauses, deny: deny !== undefined }, levels);
  });
  return new Set(ways).size === 1 ? (ways[0] ?? '') : 'unknown';
}

/** The rule names what was not recorded, and the request is one it may be about. */
export function plainlyUnsure({ needs, when }: Rule, all: PolicyFacts): boolean {
  const history = !all.risk.known && (needs.facts.includes('risk') || needs.facts.includes('device'));
  const address = all.network.address !== '' && when.includes('network.address');
  const { request, client } = all;
  const has = (wanted: readonly string[] | undefined, values: readonly string[]) =>
    wanted === undefined || values.some((value) => wanted.includes(value));
  return (
    (history || address) &&
    has(needs.events, [request.event]) &&
    has(needs.clients, [client.id]) &&
    has(needs.scopes, request.scopes) &&
    has(needs.resources, request.resources) &&
    has(
      needs.detailTypes,
      request.details.map(({ type }) => type),
    )
  );
}

function subsets<T>(items: readonly T[]): T[][] {
  const [first, ...rest] = items;
  if (first === undefined) return [[]];
  return subsets(rest).flatMap((set) => [set, [first, ...set]]);
}

/** One decision for each transaction: the authorization, which ends it, else the last. */
export function plainlyCounted(history: readonly DecisionEvent[]): DecisionEvent[] {
  const refreshes = history.filter(({ decision: { facts: its } }) => its.request.event === 'refresh');
  const others = history.filter((each) => !refreshes.includes(each));
  const transactions = [...new Set(others.map(({ decision: { transaction } }) => transaction))];
  const last = transactions.flatMap((id) => {
    const its = others.filter(({ decision: { transaction } }) => transaction === id);
    // An authorization ends it: what comes after one is of another, however it is called.
    return its.filter(({ type }, index) => type === 'authorization' || index === its.length - 1);
  });
  return [...refreshes, ...last];
}

export const levels = defaultLevels;
