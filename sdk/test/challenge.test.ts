import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChallengeError, parseChallenges } from '../src/shared/challenge.ts';
import { demandKey, stepUpOf } from '../src/shared/step-up.ts';
import { anyField, validField } from './challenge-arbitraries.mjs';

const read = (...fields: string[]) =>
  parseChallenges(fields).map(({ parameters, ...rest }) => ({ ...rest, ...Object.fromEntries(parameters) }));

describe('RFC 9110 11.6.1: the field is parsed by its grammar', () => {
  it('reads several schemes in one field, and several fields', () => {
    const bearer = { scheme: 'bearer', realm: 'a, "b"', error: 'x' };
    const field = String.raw`Negotiate abc==, BEARER realm="a, \"b\"" , Error = x,, Basic`;
    const all = [{ scheme: 'negotiate', token68: 'abc==' }, bearer, { scheme: 'basic' }];
    expect(read(field)).toEqual(all);
    expect(read('Basic', field)).toEqual([{ scheme: 'basic' }, ...all]);
    expect(parseChallenges(null)).toEqual([]);
  });

  it.each([
    '=',
    'a=b',
    'Bearer a=,b=',
    'Bearer a="b',
    'Bearer a="b\\',
    'Bearer a="\0"',
    'Bearer a="b" c="d"',
    'Bearer a b',
    'Bearer a=b, a=c',
    'Bearer abc=, a="b"',
    '"Bearer"',
    'Bearer a="b"; c',
  ])('answers malformed text with a ChallengeError: %s', (text) => {
    expect(() => parseChallenges(text)).toThrow(ChallengeError);
  });

  it('reads whatever the grammar allows', () => {
    fc.assert(
      fc.property(validField, ({ parsed, text }) => {
        const plain = parseChallenges(text).map((each) => ({ ...each, parameters: [...each.parameters] }));
        expect(plain).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but a ChallengeError, whatever it is given', () => {
    const survives = (text: string) => {
      try {
        stepUpOf(parseChallenges(text));
      } catch (error) {
        if (!(error instanceof ChallengeError)) throw error;
      }
    };
    fc.assert(fc.property(anyField, survives), { numRuns: 5000 });
  });

  it.each(['"', '\\', 'a', 'a=', 'a="', ' ', ',', '=', 'a ', 'Bearer a="b",', '\\"'])(
    'ends on a million characters of %s',
    (piece) => {
      const text = `Bearer ${piece.repeat(1_000_000 / piece.length)}`;
      try {
        parseChallenges(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ChallengeError);
      }
    },
  );
});

describe('RFC 9470: the challenge to follow', () => {
  const error = 'error="insufficient_user_authentication"';
  const stepUp = (text: string, used?: 'bearer' | 'dpop') => stepUpOf(parseChallenges(text), used);

  it('reads acr_values in order, max_age and scope, and keeps them letter by letter', () => {
    const field = `Bearer ${error}, acr_values="phrh  phr", max_age="007", scope="a b"`;
    expect(stepUp(field)).toEqual({
      scheme: 'bearer',
      error: 'insufficient_user_authentication',
      acrValues: ['phrh', 'phr'],
      maxAge: 7,
      scope: ['a', 'b'],
      parameters: { acr_values: 'phrh  phr', max_age: '007', scope: 'a b' },
    });
  });

  it('prefers a demand for authentication to any other, an error to none, then the scheme that was used', () => {
    expect(stepUp(`Basic, Bearer, DPoP error="invalid_token", Bearer ${error}, max_age=5`)?.maxAge).toBe(5);
    expect(stepUp('Bearer realm=x, DPoP error="use_dpop_nonce"')?.error).toBe('use_dpop_nonce');
    expect(stepUp('Bearer, DPoP algs="ES256"', 'dpop')?.scheme).toBe('dpop');
    expect(stepUp('Basic realm="x"')).toBeUndefined();
  });

  it.each(['max_age="-1"', 'max_age="1e3"', 'max_age=""', 'acr_values="a\\\\b"', 'realm="nothing"'])(
    'follows none that is malformed: %s',
    (parameter) => {
      expect(() => stepUp(`Bearer ${error}, ${parameter}`)).toThrow(ChallengeError);
    },
  );

  it('knows the same demand again, in whatever order it is written', () => {
    const demand = { acrValues: ['phr', 'x'], maxAge: 300, scope: [] };
    expect(demandKey({ ...demand, acrValues: ['x', 'phr'] })).toBe(demandKey(demand));
    expect(demandKey({ ...demand, maxAge: 299 })).not.toBe(demandKey(demand));
  });
});
