/** Scopes that are dropped rather than fail. */
import { expect, test } from 'vitest';
import type { Clause } from '../../src/domain/requirement.ts';
import {
  acrValues,
  FA,
  HOUR,
  having,
  MFA,
  maxAge,
  outcomeOf,
  PHR,
  promptLogin,
  proofBy,
  scope,
} from './support.ts';

const proofs = [proofBy('password')];
const silent = { transaction: { silent: true } };
const pay = scope('pay', { acr: [PHR], narrow: true });
const read = scope('read', { acr: [FA], narrow: true });

test('narrow: a scope that cannot be met is dropped instead of failing', () => {
  const outcome = outcomeOf({ proofs, clauses: [acrValues(FA), pay, read], ...having('password') });
  expect(outcome).toMatchObject({ kind: 'satisfied', acr: FA, dropped: ['pay'] });
});

test('narrow: a scope that can be met by stepping up is not dropped', () => {
  expect(outcomeOf({ proofs, clauses: [pay] })).toMatchObject({ kind: 'stepUp', dropped: [] });
});

test('narrow: with prompt=none, where nothing can be asked, what is not met now is dropped', () => {
  expect(outcomeOf({ proofs, clauses: [pay, read], ...silent })).toMatchObject({
    kind: 'satisfied',
    dropped: ['pay'],
  });
  const met = [proofBy('passkey')];
  expect(outcomeOf({ proofs: met, clauses: [pay, read], ...silent })).toMatchObject({
    kind: 'satisfied',
    dropped: [],
  });
});

test('narrow: a scope whose only fault is age is dropped with its maxAge', () => {
  const old = [proofBy('passkey', { age: HOUR })];
  const recent = scope('recent', { maxAge: 300, narrow: true });
  const outcome = outcomeOf({ proofs: old, clauses: [recent, acrValues(PHR)], ...silent });
  expect(outcome).toMatchObject({ kind: 'satisfied', dropped: ['recent'] });
});

test('narrow: each scope is judged beside what must hold, not by what else could be dropped', () => {
  const recent = scope('recent', { maxAge: 300, narrow: true });
  const given = { proofs: [proofBy('password', { age: 60 })], transaction: { silent: true, lastAcr: PHR } };
  const outcome = outcomeOf({ ...given, clauses: [acrValues(FA), recent, pay] });
  expect(outcome).toMatchObject({ kind: 'satisfied', dropped: ['pay'] });
});

test('narrow: where scopes cannot be had together, as many are kept as can be', () => {
  const old = [proofBy('passkey', { age: HOUR }), proofBy('password')];
  const strong = scope('a', { acr: [PHR], narrow: true });
  const fresh = scope('b', { maxAge: 60, narrow: true });
  const outcome = outcomeOf({ proofs: old, clauses: [fresh, strong], ...silent });
  expect(outcome).toMatchObject({ kind: 'satisfied', acr: PHR, dropped: ['b'] });
});

test('narrow: a requested acr, max_age or prompt is never dropped', () => {
  const force = (clause: Clause): Clause => ({ ...clause, narrow: true, name: 'pay' });
  const old = [proofBy('password', { age: HOUR })];
  for (const clause of [acrValues(MFA), maxAge(60), promptLogin]) {
    const outcome = outcomeOf({ proofs: old, clauses: [force(clause)], ...silent });
    expect(outcome).toMatchObject({ kind: 'stepUp', dropped: [] });
  }
});

test.each(['client', 'resource', 'authorization_details', 'policy', 'account'] as const)(
  'narrow: what a %s demands is never dropped',
  (source) => {
    const clause: Clause = { source, name: 'pay', acr: [PHR], narrow: true, reason: 'reason.x' };
    expect(outcomeOf({ proofs, clauses: [clause], ...having('password') })).toMatchObject({ kind: 'unmet' });
    expect(outcomeOf({ proofs, clauses: [clause], ...silent })).toMatchObject({
      kind: 'stepUp',
      dropped: [],
    });
  },
);

test('narrow: dropping scopes does not help a request that fails without them', () => {
  const outcome = outcomeOf({ proofs, clauses: [acrValues(MFA), pay], ...having('password') });
  expect(outcome).toMatchObject({ kind: 'unmet', missing: [acrValues(MFA)] });
});
