/** Microseconds per evaluation, by the number of proofs a session holds. `node dist/bench/evaluate.js` */
import { type EvaluationInput, evaluate } from '../src/domain/evaluate.ts';
import { ACR_MFA, ACR_PHR, defaultLevels } from '../src/domain/ladder.ts';
import { type CredentialFacts, type Proof, proofShape } from '../src/domain/proofs.ts';
import type { Clause } from '../src/domain/requirement.ts';

const now = 1_800_000_000;

const credentials: readonly CredentialFacts[] = [
  { id: 'password', method: 'password', boundAt: null },
  { id: 'totp', method: 'totp', boundAt: null },
  { id: 'phone', method: 'passkey', boundAt: null, userVerifying: true, synced: true },
  { id: 'laptop', method: 'passkey', boundAt: null, userVerifying: true },
  { id: 'key', method: 'passkey', boundAt: null, userVerifying: false },
];

/** A session in which the person used each factor in turn. */
function proofs(count: number): Proof[] {
  return Array.from({ length: count }, (_, index) => {
    const by = credentials[index % credentials.length] as CredentialFacts;
    return {
      ...proofShape(by.method, by.userVerifying === true),
      id: `019a0000-0000-7000-8000-${String(index).padStart(12, '0')}`,
      at: now - 60 * (count - index),
      credentialId: by.id,
      transaction: `tx-${Math.floor(index / 2)}`,
      ...(index > 2 ? { forClient: 'bank' } : {}),
    };
  });
}

const requests: Readonly<Record<string, readonly Clause[]>> = {
  'nothing requested': [],
  'acr_values=mfa': [{ source: 'acr_values', acr: [ACR_MFA], reason: 'r' }],
  'acr_values=phr, two scopes, max_age': [
    { source: 'acr_values', acr: [ACR_PHR], reason: 'r' },
    { source: 'max_age', maxAge: 7200, reason: 'r' },
    { source: 'scope', name: 'read', acr: [ACR_MFA], reason: 'r' },
    { source: 'scope', name: 'pay', acr: [ACR_PHR], reason: 'r' },
  ],
  'prompt=login (step up)': [
    { source: 'acr_values', acr: [ACR_PHR, ACR_MFA], reason: 'r' },
    { source: 'prompt', reauthenticate: true, reason: 'r' },
  ],
};

function input(count: number, clauses: readonly Clause[]): EvaluationInput {
  return {
    proofs: proofs(count),
    requirement: { clauses },
    levels: defaultLevels,
    account: { credentials, enrollable: [] },
    transaction: { id: 'tx-now', clientId: 'bank' },
    now,
  };
}

/** The best of five rounds: the others measure what else the machine does. */
function microseconds(given: EvaluationInput): number {
  const calls = 4000;
  const rounds = Array.from({ length: 5 }, () => {
    const begin = process.hrtime.bigint();
    for (let call = 0; call < calls; call += 1) evaluate(given);
    return Number(process.hrtime.bigint() - begin) / 1000 / calls;
  });
  return Math.min(...rounds);
}

console.log('µs per evaluation          3 proofs  10 proofs  30 proofs');
for (const [name, clauses] of Object.entries(requests)) {
  const figures = [3, 10, 30].map((count) => microseconds(input(count, clauses)).toFixed(1).padStart(9));
  console.log(`${name.padEnd(36)} ${figures.join('  ')}`);
}
