/**
 * `npm run bench:policy`: what a policy costs a decision. Figures are for comparing, ratios for quoting. A decision looks at the
 * facts it is given and at the rules, never at other people, so the number of people says nothing here.
 */

import { cpus } from 'node:os';
import { requirePolicy } from '../src/config/policy/load.ts';
import { type EvaluationInput, evaluate } from '../src/domain/evaluate.ts';
import { ACR_MFA, defaultLevels } from '../src/domain/ladder.ts';
import { decidePolicy, decideUnindexed } from '../src/domain/policy/decide.ts';
import type { PolicyFacts } from '../src/domain/policy/facts.ts';
import type { Policy } from '../src/domain/policy/policy.ts';
import { completeFacts } from '../src/domain/policy/prepared-facts.ts';
import { type CredentialFacts, type Proof, proofShape } from '../src/domain/proofs.ts';
import { administer, findPostgres, startPostgres } from '../test/support/postgres.ts';
import { auditLines, measureAudit } from './audit.ts';
import { backtestLines, measureBacktest } from './backtest.ts';
import { riskMicroseconds } from './risk-speed.ts';

const now = 1_800_000_000;

/** Conditions as policies have them: half of them about a scope, client or type by name, half about anything. */
const conditions: readonly ((index: number) => string)[] = [
  (index) => `"scope-${index}" in request.scopes && request.amount > ${index}`,
  (index) => `client.id == "client-${index}" && !device.known`,
  (index) => `request.details.exists(d, d.type == "type-${index}" && d.amount > ${100 * index})`,
  (index) => `request.event == "refresh" && session.authAge > ${60 * index}`,
  (index) => `request.scopes.exists(s, s == "admin-${index}") && "staff" in account.groups`,
  (index) => `request.amount > ${1000 + index} && time.hour >= 22`,
  (index) => `risk.score >= 0.8 && risk.failuresOfAccount > ${index % 5}`,
  (index) => `risk.newCountry || risk.impossibleTravel || request.amount > ${1_000_000 + index}`,
  (index) => `network.country in ["KP", "IR", "SY"] && session.age > ${index}`,
  (index) => `(time.hour < 5 || time.weekday > 5) && account.ageDays < ${index % 30}`,
];

function policyOf(rules: number): Policy {
  const text = Array.from({ length: rules }, (_, index) => {
    const when = conditions[index % conditions.length]?.(index) ?? 'false';
    return `  - { name: r${index}, when: '${when}', require: { acr: [phr] }, reason: For the benchmark. }\n`;
  }).join('');
  return requirePolicy(`rules:\n${text}`, { levels: defaultLevels, file: 'bench' });
}

/** An everyday sign-in with a transfer: one rule matches. */
const facts: PolicyFacts = completeFacts({
  request: {
    scopes: ['openid', 'profile', 'accounts:read', 'transfers:write', 'scope-10'],
    resources: ['https://api.example.com'],
    details: [{ type: 'transfer', amount: 250, currency: 'EUR', actions: ['send'] }],
    amount: 250,
  },
  client: { id: 'web', firstParty: true },
  account: {
    id: 'a',
    username: 'alex',
    groups: ['customers'],
    ageDays: 400,
    factors: ['password', 'passkey'],
  },
  session: { exists: true, age: 3600, authAge: 3600 },
  network: { address: '192.0.2.7', country: 'GB', asn: 64500, organisation: 'Example' },
  device: { known: true, browser: 'Firefox', os: 'Linux', kind: 'desktop' },
  time: { hour: 14, weekday: 3, date: '2026-11-25' },
  risk: { known: true, score: 0.12, dormantDays: 1 },
});

const credentials: readonly CredentialFacts[] = [
  { id: 'password', method: 'password', boundAt: null },
  { id: 'phone', method: 'passkey', boundAt: null, userVerifying: true },
];
const proofs = credentials.map(
  ({ id, method }, index): Proof => ({
    ...proofShape(method, method === 'passkey'),
    id: `p-${index}`,
    at: now - 3600,
    credentialId: id,
    transaction: 'tx',
  }),
);
const input: EvaluationInput = {
  proofs,
  requirement: { clauses: [{ source: 'acr_values', acr: [ACR_MFA], reason: 'r' }] },
  levels: defaultLevels,
  account: { credentials, enrollable: [] },
  transaction: { id: 'tx-now', clientId: 'web' },
  now,
};

interface Row {
  readonly name: string;
  readonly work: () => unknown;
}

const rows: readonly Row[] = [
  { name: 'evaluate alone', work: () => evaluate(input) },
  ...[1, 10, 100, 300].flatMap((count): Row[] => {
    const policy = policyOf(count);
    return [
      { name: `${count} rules, every one`, work: () => decideUnindexed(policy, facts) },
      { name: `${count} rules, by the index`, work: () => decidePolicy(policy, facts) },
    ];
  }),
];

/**
 * Microseconds of processor time, so that what else the machine does counts little: the median of rounds, and the best. Rows take
 * turns.
 */
function measure(): ReadonlyMap<Row, number[]> {
  const figures = new Map<Row, number[]>(rows.map((row) => [row, []]));
  for (let round = 0; round < 40; round += 1) {
    for (const [row, list] of figures) {
      const calls = 300;
      const before = process.cpuUsage();
      for (let call = 0; call < calls; call += 1) row.work();
      const { user, system } = process.cpuUsage(before);
      if (round >= 10) list.push((user + system) / calls);
    }
  }
  return figures;
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`);
console.log('processor µs a decision      median     best   beside evaluate alone');
const figures = [...measure()].map(([row, list]) => ({ row, sorted: list.toSorted((a, b) => a - b) }));
const middle = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] ?? 0;
const base = middle(figures[0]?.sorted ?? []);
for (const { row, sorted } of figures) {
  const [median, best] = [middle(sorted), sorted[0] ?? 0];
  const shown = [median, best].map((figure) => figure.toFixed(1).padStart(8)).join(' ');
  console.log(`${row.name.padEnd(26)} ${shown}   ${(median / base).toFixed(1).padStart(6)} ×`);
}

console.log(`\njudging a sign-in by 100 others: ${riskMicroseconds().toFixed(1)} µs; goal: 100\n`);

// The rows that need a database, each on one of its own.
const binaries = findPostgres();
if (binaries) {
  const postgres = await startPostgres(binaries, { durable: true });
  try {
    await administer(postgres.url('postgres'), 'CREATE DATABASE backtest');
    const decisions = Number(process.argv[2] ?? 1_000_000);
    for (const line of auditLines(await measureAudit(postgres.url('postgres')))) console.log(line);
    for (const line of backtestLines(await measureBacktest(postgres.url('backtest'), decisions)))
      console.log(line);
  } finally {
    await postgres.stop();
  }
}
