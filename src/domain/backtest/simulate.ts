/** Hypothetical sign-ins under a draft: what is asked of people with these factors, scenario by scenario. Pure. */
import { evaluate } from '../evaluate.ts';
import { type Level, rank } from '../level.ts';
import { decidePolicy } from '../policy/decide.ts';
import type { PolicyFacts } from '../policy/facts.ts';
import type { Policy } from '../policy/policy.ts';
import { completeFacts } from '../policy/prepared-facts.ts';
import { type CredentialFacts, type Method, type Proof, proofShape } from '../proofs.ts';
import { type Scenario, scenariosOf } from './scenarios.ts';

/** Somebody who has just proved the first of their factors. */
export interface SimulatedPerson {
  readonly name: string;
  readonly factors: readonly Method[];
}

export const people: readonly SimulatedPerson[] = [
  { name: 'password', factors: ['password'] },
  { name: '+totp', factors: ['password', 'totp'] },
  { name: '+passkey', factors: ['password', 'passkey'] },
  { name: 'passkey', factors: ['passkey'] },
];

export interface SimulatedCell {
  /** `nothing`: no rule asks. `met`: what one asks is proved already. Otherwise see `Standing`. */
  readonly verdict: 'nothing' | 'met' | 'prompted' | 'lockedOut' | 'denied' | 'refused';
  /** The strongest level that rules demand; null: none names one. */
  readonly acr: string | null;
  /** The least age that rules demand, in seconds; null: any. */
  readonly maxAge: number | null;
  /** What would be proved: methods, of the first way. */
  readonly prove: readonly Method[];
  readonly rules: readonly string[];
  /** Matched, and only observed. */
  readonly observed: readonly string[];
}

export interface SimulatedRow extends Omit<Scenario, 'facts'> {
  /** In the order of `people`. */
  readonly cells: readonly SimulatedCell[];
}

export interface Simulation {
  readonly v: 1;
  readonly policy: { readonly version: string; readonly timeZone: string; readonly rules: number };
  readonly people: readonly SimulatedPerson[];
  readonly rows: readonly SimulatedRow[];
}

interface SimulationInput {
  readonly policy: Policy;
  readonly levels: readonly Level[];
  /** What stays; the scenarios vary the rest. */
  readonly base: PolicyFacts;
}

export function simulate({ policy, levels, base }: SimulationInput): Simulation {
  const rows = scenariosOf(policy).map(({ facts, ...scenario }) => ({
    ...scenario,
    cells: people.map((person) => cellOf({ policy, levels, base: withFacts(base, facts, person) }, person)),
  }));
  const { version, timeZone, rules } = policy;
  return { v: 1, policy: { version, timeZone, rules: rules.length }, people, rows };
}

/** An everyday sign-in: a known device, at noon on a Wednesday. */
export const everyday = {
  request: { event: 'authorization' },
  device: { known: true, kind: 'desktop' },
  time: { hour: 12, weekday: 3, date: '2026-01-07' },
  risk: { known: true },
} as const;

function withFacts(base: PolicyFacts, facts: Scenario['facts'], { factors }: SimulatedPerson): PolicyFacts {
  const groups = Object.entries(base).map(([group, values]) => [group, { ...values, ...facts[group] }]);
  const merged = Object.fromEntries(groups) as PolicyFacts;
  return completeFacts({ ...merged, account: { ...merged.account, factors: [...factors].sort() } });
}

const NOW = 1_800_000_000;

function cellOf({ policy, levels, base }: SimulationInput, { factors }: SimulatedPerson): SimulatedCell {
  const { clauses, deny, matched } = decidePolicy(policy, base);
  const credentials = factors.map(credentialOf);
  const outcome = evaluate({
    proofs: factors.slice(0, 1).map(proofOf),
    requirement: { clauses, ...(deny ? { deny } : {}) },
    levels,
    account: { credentials, enrollable: [] },
    transaction: { id: 'now', clientId: base.client.id },
    now: NOW,
  });
  const refresh = base.request.event === 'refresh';
  const names = (mode: string) => matched.filter((each) => each.mode === mode).map(({ rule }) => rule);
  const ages = clauses.flatMap(({ maxAge, reauthenticate }) => (reauthenticate ? [0] : (maxAge ?? [])));
  const acrs = clauses.flatMap(({ acr }) => acr?.[0] ?? []);
  return {
    verdict: verdictOf(outcome.kind, { asks: clauses.length > 0, refresh }),
    acr: acrs.toSorted((a, b) => rank(levels, b) - rank(levels, a))[0] ?? null,
    maxAge: ages.length > 0 ? Math.min(...ages) : null,
    prove: outcome.kind === 'stepUp' ? (outcome.choices[0]?.prove.map(({ method }) => method) ?? []) : [],
    rules: names('enforce'),
    observed: names('observe'),
  };
}

function verdictOf(
  kind: ReturnType<typeof evaluate>['kind'],
  { asks, refresh }: { readonly asks: boolean; readonly refresh: boolean },
): SimulatedCell['verdict'] {
  if (kind === 'satisfied') return asks ? 'met' : 'nothing';
  if (refresh) return 'refused';
  if (kind === 'denied') return 'denied';
  return kind === 'stepUp' ? 'prompted' : 'lockedOut';
}

function credentialOf(method: Method): CredentialFacts {
  return { id: method, method, boundAt: null, ...(method === 'passkey' ? { userVerifying: true } : {}) };
}

function proofOf(method: Method): Proof {
  return {
    ...proofShape(method, method === 'passkey'),
    id: 'p',
    at: NOW,
    credentialId: method,
    transaction: 'now',
  };
}
