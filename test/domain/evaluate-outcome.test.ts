/** Rule 3: what becomes of a request that is not met as it stands. */
import { describe, expect, test } from 'vitest';
import { type EnrolmentOffer, evaluate } from '../../src/domain/evaluate.ts';
import {
  acrOf,
  acrValues,
  chosenAcr,
  essential,
  FA,
  HOUR,
  having,
  MFA,
  maxAge,
  outcomeOf,
  PHR,
  PHRH,
  promptLogin,
  proofBy,
  scope,
  situation,
  voluntary,
} from './support.ts';

const newPasskey: EnrolmentOffer = { method: 'passkey', boundAt: FA, userVerifying: true };
const newTotp: EnrolmentOffer = { method: 'totp', boundAt: FA };

describe('in order', () => {
  test('rule 3: a requested acr is necessary', () => {
    const proofs = [proofBy('password')];
    expect(acrOf({ proofs, clauses: [acrValues(MFA)] })).toBe('stepUp');
    expect(acrOf({ proofs, clauses: [essential(MFA)] })).toBe('stepUp');
    expect(acrOf({ proofs, clauses: [acrValues(MFA)], ...having('password') })).toBe('unmet');
  });

  test('rule 3: a listed value already met wins over one that could be reached', () => {
    const proofs = [proofBy('password')];
    expect(acrOf({ proofs, clauses: [acrValues(PHRH, PHR, MFA, FA)] })).toBe(FA);
  });

  test('rule 3: otherwise the first reachable value in request order is asked for', () => {
    const proofs = [proofBy('password')];
    const clauses = [acrValues(PHRH, MFA, PHR)];
    expect(chosenAcr({ proofs, clauses })).toEqual([PHRH]);
    expect(chosenAcr({ proofs, clauses, ...having('password', 'totp', 'passkey') })).toEqual([MFA]);
    expect(chosenAcr({ proofs, clauses, ...having('password', 'key') })).toEqual([MFA]);
    expect(chosenAcr({ proofs, clauses: [acrValues(PHRH, PHR)], ...having('password', 'key') })).toEqual([
      PHR,
    ]);
  });

  test('rule 3: the request chooses before what a client, scope or resource demands', () => {
    const proofs = [proofBy('password')];
    const demand = scope('pay', { acr: [PHR, MFA] });
    for (const clauses of [
      [acrValues(MFA, PHR), demand],
      [demand, acrValues(MFA, PHR)],
    ]) {
      expect(chosenAcr({ proofs, clauses, ...having('password', 'totp', 'passkey') })).toEqual([MFA]);
    }
  });

  test('rule 3: a voluntary claim guides the choice and never fails', () => {
    const stale = { proofs: [proofBy('passkey', { age: HOUR })] };
    expect(chosenAcr({ ...stale, clauses: [voluntary(PHR), maxAge(60)] })).toEqual([PHR]);
    expect(chosenAcr({ ...stale, clauses: [maxAge(60)] })).toEqual([FA]);
    const phrh = [voluntary(PHRH), maxAge(60)];
    expect(chosenAcr({ ...stale, clauses: phrh, ...having('password', 'passkey') })).toEqual([FA]);
  });
});

describe('outcomes', () => {
  const proofs = [proofBy('password')];
  const clauses = [acrValues(PHR)];
  const enrollable = (...offers: EnrolmentOffer[]) => ({
    account: { ...having('password', 'totp').account, enrollable: offers },
  });

  test('rule 3: where an enrolled factor would do, step up', () => {
    expect(outcomeOf({ proofs, clauses, ...having('password', 'passkey') })).toMatchObject({
      kind: 'stepUp',
    });
  });

  test('rule 3: where only a permitted enrolment would do, enrol', () => {
    const outcome = outcomeOf({ proofs, clauses, ...enrollable(newTotp, newPasskey) });
    expect(outcome).toMatchObject({ kind: 'enrol', choices: [{ acr: PHR, enrol: newPasskey, prove: [] }] });
  });

  test('rule 3: an enrolled factor for a later value goes before an enrolment for an earlier one', () => {
    const outcome = outcomeOf({ proofs, clauses: [acrValues(PHR, MFA)], ...enrollable(newPasskey) });
    expect(outcome).toMatchObject({ kind: 'stepUp', choices: [{ acr: MFA }] });
  });

  test('rule 3: enrolments too are offered for the first reachable value only', () => {
    const account = { ...having('password').account, enrollable: [newTotp, newPasskey] };
    const both = outcomeOf({ proofs, clauses: [acrValues(PHR, MFA)], account });
    expect(both).toMatchObject({ kind: 'enrol', choices: [{ acr: PHR, enrol: newPasskey }] });
    expect(both).toHaveProperty('choices.length', 1);
    const mfa = outcomeOf({ proofs, clauses: [acrValues(MFA)], account });
    expect(mfa).toMatchObject({ choices: [{ enrol: newTotp }, { enrol: newPasskey }] });
  });

  test('rule 3: an enrolment names what must be proved beside it', () => {
    const account = { ...having('password').account, enrollable: [newTotp] };
    const outcome = outcomeOf({ proofs, clauses: [acrValues(MFA), promptLogin], account });
    expect(outcome).toMatchObject({
      kind: 'enrol',
      choices: [{ enrol: newTotp, prove: [{ method: 'password' }] }],
    });
  });

  test('rule 3: where neither would do, the requirement is unmet', () => {
    expect(outcomeOf({ proofs, clauses, ...enrollable(newTotp) })).toMatchObject({
      kind: 'unmet',
      missing: clauses,
    });
  });

  test('rule 3: a policy that denies ends it, whatever was proved', () => {
    const given = situation({ proofs: [proofBy('hardware')] });
    const requirement = { clauses: [], deny: { source: 'policy', reason: 'policy.blocked' } } as const;
    expect(evaluate({ ...given, requirement })).toEqual({
      kind: 'denied',
      reason: 'policy.blocked',
      dropped: [],
    });
  });

  test('rule 3: all clauses must hold', () => {
    const both = [acrValues(FA), scope('read', { acr: [MFA] }), scope('pay', { acr: [PHR] })];
    expect(acrOf({ proofs, clauses: both })).toBe('stepUp');
    expect(acrOf({ proofs: [...proofs, proofBy('totp')], clauses: both })).toBe('stepUp');
    expect(acrOf({ proofs: [...proofs, proofBy('key')], clauses: both })).toBe(FA);
    expect(acrOf({ proofs, clauses: [essential(FA), acrValues(MFA)] })).toBe('stepUp');
  });
});

describe('what is missing', () => {
  test('the clauses whose level nobody proved are named', () => {
    const pay = scope('pay', { acr: [PHR] });
    const outcome = outcomeOf({ proofs: [proofBy('password')], clauses: [pay, acrValues(FA), maxAge(900)] });
    expect(outcome).toHaveProperty('missing', [pay]);
  });

  test('where only age is in the way, the clauses that limit it are named', () => {
    const clauses = [acrValues(PHR), maxAge(900)];
    const outcome = outcomeOf({ proofs: [proofBy('passkey', { age: HOUR })], clauses });
    expect(outcome).toHaveProperty('missing', [maxAge(900)]);
    const again = outcomeOf({ proofs: [proofBy('passkey')], clauses: [promptLogin] });
    expect(again).toHaveProperty('missing', [promptLogin]);
  });
});
