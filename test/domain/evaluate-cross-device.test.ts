/** Rule 5, as far as evaluation decides it: what a grant across devices may carry. */
import { expect, test } from 'vitest';
import { defaultLevels } from '../../src/domain/ladder.ts';
import { acrOf, acrValues, FA, MFA, maxAge, PHR, PHRH, proofBy, scope } from './support.ts';

const far = { transaction: { crossDevice: true } };
const proofs = [proofBy('password'), proofBy('hardware')];

test.each([PHR, PHRH])('rule 5: device and CIBA grants never carry %s', (acr) => {
  expect(acrOf({ proofs, clauses: [acrValues(acr)] })).toBe(acr);
  expect(acrOf({ proofs, clauses: [acrValues(acr)], ...far })).toBe('unmet');
  expect(acrOf({ proofs, clauses: [scope('pay', { acr: [acr] })], ...far })).toBe('unmet');
  expect(acrOf({ proofs, clauses: [acrValues(acr, MFA)], ...far })).toBe(MFA);
});

test('rule 5: a device grant reports the strongest level it may carry', () => {
  expect(acrOf({ proofs, ...far })).toBe(MFA);
  expect(acrOf({ proofs: [proofBy('password')], ...far })).toBe(FA);
});

test('rule 5: unless the level says crossDevice', () => {
  const levels = defaultLevels.map((level) => (level.acr === PHR ? { ...level, crossDevice: true } : level));
  expect(acrOf({ levels, proofs, clauses: [acrValues(PHR)], ...far })).toBe(PHR);
  expect(acrOf({ levels, proofs, clauses: [acrValues(PHRH)], ...far })).toBe('unmet');
});

test('rule 5: the acr last issued on this device is no way round it', () => {
  const transaction = { crossDevice: true, lastAcr: PHR };
  expect(acrOf({ proofs, clauses: [maxAge(300)], transaction })).toBe(MFA);
});
