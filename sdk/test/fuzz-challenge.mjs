/**
 * Fuzzes the challenge parser: `node sdk/test/fuzz-challenge.mjs [cases] [seed]`, after a build. Valid fields must
 * parse to what they say; anything else to an answer or a ChallengeError. Exits with 1 and the counterexample.
 */
import { deepStrictEqual } from 'node:assert';
import * as fc from 'fast-check';
import { ChallengeError, parseChallenges, stepUpOf } from '../dist/client/index.js';
import { anyField, validField } from './challenge-arbitraries.mjs';

const [cases = 1_000_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);

const plain = (challenges) => challenges.map((each) => ({ ...each, parameters: [...each.parameters] }));

function survives(text) {
  try {
    stepUpOf(parseChallenges(text));
  } catch (error) {
    if (!(error instanceof ChallengeError)) throw error;
  }
}

const half = Math.ceil(cases / 2);
fc.assert(
  fc.property(validField, ({ parsed, text }) => {
    deepStrictEqual(plain(parseChallenges(text)), parsed);
  }),
  { numRuns: half, seed },
);
fc.assert(fc.property(anyField, survives), { numRuns: half, seed });
console.log(`${half * 2} cases, seed ${seed}: the parser survived.`);
