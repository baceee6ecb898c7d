/** What a person is asked for: the smallest sets of proofs, by what is enrolled. */
import { describe, expect, test } from 'vitest';
import {
  acrValues,
  asked,
  credentials,
  FA,
  HOUR,
  having,
  MFA,
  maxAge,
  outcomeOf,
  ownProof,
  PHR,
  PHRH,
  promptLogin,
  proofBy,
  scope,
} from './support.ts';

const password = [proofBy('password', { age: HOUR })];

describe('choices', () => {
  test.each([
    ['a code or a passkey beside a password', MFA, ['totp', 'passkey!']],
    ['the passkey alone where only that will do', PHR, ['passkey!']],
  ])('choices: %s', (_, acr, expected) => {
    const outcome = outcomeOf({
      proofs: password,
      clauses: [acrValues(acr)],
      ...having('password', 'totp', 'passkey'),
    });
    expect(asked(outcome)).toEqual(expected);
  });

  test('choices: a security key without verification is asked for beside a password, not alone', () => {
    const clauses = [acrValues(PHR), promptLogin];
    const outcome = outcomeOf({ proofs: password, clauses, ...having('password', 'totp', 'key') });
    expect(asked(outcome)).toEqual(['password+passkey']);
  });

  test('choices: nothing that is not needed is asked for', () => {
    const outcome = outcomeOf({ proofs: password, clauses: [acrValues(MFA), promptLogin] });
    for (const set of asked(outcome)) expect(set).not.toMatch(/passkey!.*\+|\+.*passkey!|.*\+.*\+/);
  });

  test('choices: what is already proved, and fresh enough, is not asked for again', () => {
    const proofs = [ownProof('password')];
    const outcome = outcomeOf({
      proofs,
      clauses: [acrValues(MFA), promptLogin],
      ...having('password', 'totp'),
    });
    expect(asked(outcome)).toEqual(['totp']);
  });

  test('choices: credentials of one sort are one request, any of them will do', () => {
    const outcome = outcomeOf({
      proofs: password,
      clauses: [acrValues(MFA)],
      ...having('password', 'totp', 'totp2'),
    });
    expect(outcome).toMatchObject({ choices: [{ prove: [{ credentialIds: ['c-totp', 'c-totp2'] }] }] });
  });

  test('choices: hardware is asked for by name where only hardware will do', () => {
    const names = ['password', 'passkey', 'hardware'] as const;
    const outcome = outcomeOf({ proofs: password, clauses: [acrValues(PHRH)], ...having(...names) });
    expect(outcome).toMatchObject({
      choices: [{ acr: PHRH, prove: [{ hardwareProtected: true, credentialIds: ['c-hardware'] }] }],
    });
    expect(outcome).toHaveProperty('choices.length', 1);
  });

  test('choices: a synced key is never asked for as hardware', () => {
    const account = { credentials: [credentials.password, { ...credentials.hardware, synced: true }] };
    expect(outcomeOf({ proofs: password, clauses: [acrValues(PHRH)], account })).toMatchObject({
      kind: 'unmet',
    });
  });

  test('choices: with a max_age only what would be fresh is asked for', () => {
    const proofs = [...password, proofBy('totp', { age: HOUR })];
    const clauses = [acrValues(MFA), maxAge(300)];
    expect(asked(outcomeOf({ proofs, clauses, ...having('password', 'totp') }))).toEqual(['totp']);
    expect(
      asked(outcomeOf({ proofs, clauses: [acrValues(FA), maxAge(300)], ...having('password', 'totp') })),
    ).toEqual(['password']);
  });

  test('choices: one set of proofs meets the demands of all clauses together', () => {
    const clauses = [acrValues(MFA), scope('pay', { acr: [PHR] })];
    const outcome = outcomeOf({ proofs: password, clauses, ...having('password', 'totp', 'key') });
    expect(asked(outcome)).toEqual(['passkey']);
    expect(outcome).toMatchObject({ choices: [{ acr: MFA }] });
  });

  test('choices: the step-up of another client has to be made again', () => {
    const proofs = [...password, proofBy('passkey', { forClient: 'shop' })];
    expect(asked(outcomeOf({ proofs, clauses: [acrValues(PHR)], ...having('password', 'passkey') }))).toEqual(
      ['passkey!'],
    );
  });
});
