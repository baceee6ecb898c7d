/** Which clauses a request has, and how they are merged. */
import { describe, expect, test } from 'vitest';
import {
  type AcrClaim,
  type DeclaredDemands,
  inOrder,
  type RequestedAssurance,
  requirementOf,
  smallestMaxAge,
} from '../../src/domain/requirement.ts';
import { acrValues, essential, FA, MFA, maxAge, PHR, promptLogin, scope, voluntary } from './support.ts';

const nothing: RequestedAssurance = {
  acrValues: [],
  promptLogin: false,
  scopes: [],
  resources: [],
  detailTypes: [],
};
const undeclared: DeclaredDemands = { scopes: {}, resources: {}, detailTypes: {} };
const claim = (isEssential: boolean, ...values: string[]): AcrClaim => ({
  source: 'claims',
  essential: isEssential,
  values,
});
const clausesOf = (request: Partial<RequestedAssurance>, declared: Partial<DeclaredDemands> = {}) =>
  requirementOf({ ...nothing, ...request }, { ...undeclared, ...declared }).clauses;

describe('the request', () => {
  test('requirement: nothing asked is no clause', () => {
    expect(clausesOf({})).toEqual([]);
    expect(clausesOf({ scopes: ['openid'] }, { client: {} })).toEqual([]);
  });

  test('requirement: each source has a clause of its own', () => {
    const request = {
      acrValues: [PHR, MFA],
      maxAge: 300,
      promptLogin: true,
      acrClaims: [claim(true, FA)],
    };
    expect(clausesOf(request)).toEqual([essential(FA), acrValues(PHR, MFA), maxAge(300), promptLogin]);
  });

  test('requirement: an acr claim that is not essential is voluntary, and asks for nothing with an empty list', () => {
    expect(clausesOf({ acrClaims: [claim(false, PHR)] })).toEqual([voluntary(PHR)]);
    expect(clausesOf({ acrClaims: [claim(false)] })).toEqual([]);
  });

  test('requirement: an essential acr claim with an empty list is one that nothing meets', () => {
    expect(clausesOf({ acrClaims: [claim(true)] })).toEqual([essential()]);
  });

  test('requirement: an acr claim of UserInfo is a clause beside that of the ID token', () => {
    const [forToken, forUserinfo] = clausesOf({
      acrClaims: [claim(true, FA), { ...claim(true, MFA), source: 'userinfo' }],
    });
    expect([forToken, forUserinfo]).toEqual([essential(FA), { ...essential(MFA), source: 'userinfo' }]);
  });

  test('requirement: max_age=0 is prompt=login', () => {
    expect(clausesOf({ maxAge: 0 })).toEqual([
      { source: 'max_age', reauthenticate: true, reason: 'reason.reauthenticate' },
    ]);
  });
});

describe('the client', () => {
  const client = { defaultAcrValues: [MFA], defaultMaxAge: 900, minimum: { acr: [FA], maxAge: 3600 } };

  test('requirement: its defaults hold where the request is silent', () => {
    expect(clausesOf({}, { client: { defaultAcrValues: [MFA], defaultMaxAge: 900 } })).toEqual([
      acrValues(MFA),
      maxAge(900),
    ]);
  });

  test('requirement: acr_values and max_age override its defaults, also max_age=0', () => {
    const defaults = { client: { defaultAcrValues: [MFA], defaultMaxAge: 900 } };
    expect(clausesOf({ acrValues: [PHR], maxAge: 60 }, defaults)).toEqual([acrValues(PHR), maxAge(60)]);
    expect(clausesOf({ maxAge: 0 }, defaults)[1]).toMatchObject({ reauthenticate: true });
  });

  test.each([true, false])(
    'requirement: an acr claim overrides default_acr_values too (essential: %s)',
    (isEssential) => {
      const clauses = clausesOf(
        { acrClaims: [claim(isEssential, FA)] },
        { client: { defaultAcrValues: [MFA] } },
      );
      expect(clauses.map(({ source }) => source)).toEqual(['claims']);
    },
  );

  test('requirement: its minimum holds whatever is requested', () => {
    const minimum = { source: 'client', acr: [FA], maxAge: 3600, reason: 'reason.client' };
    expect(clausesOf({ acrValues: [PHR], maxAge: 60 }, { client })).toContainEqual(minimum);
    expect(clausesOf({}, { client })).toContainEqual(minimum);
  });
});

describe('scopes, resources, authorization_details', () => {
  const declared = {
    scopes: { pay: { acr: [PHR], maxAge: 300, narrow: true, reason: 'Payments' }, fresh: { maxAge: 0 } },
    resources: { 'https://api': { acr: [MFA], narrow: true } },
    detailTypes: { transfer: { acr: [PHR], narrow: true } },
  };

  test('requirement: each that is named and declared adds its clause', () => {
    const clauses = clausesOf(
      { scopes: ['openid', 'pay', 'fresh'], resources: ['https://api'], detailTypes: ['transfer'] },
      declared,
    );
    expect(clauses).toEqual([
      scope('pay', { acr: [PHR], maxAge: 300, narrow: true, reason: 'Payments' }),
      scope('fresh', { reauthenticate: true }),
      { source: 'resource', name: 'https://api', acr: [MFA], reason: 'reason.resource' },
      {
        source: 'authorization_details',
        name: 'transfer',
        acr: [PHR],
        reason: 'reason.authorization_details',
      },
    ]);
  });

  test('requirement: only a scope can be narrowed: not the client, a resource or authorization_details', () => {
    const client = { minimum: { acr: [PHR], narrow: true } };
    const request = { scopes: ['pay'], resources: ['https://api'], detailTypes: ['transfer'] };
    const narrow = clausesOf(request, { ...declared, client }).filter((clause) => clause.narrow);
    expect(narrow.map(({ source }) => source)).toEqual(['scope']);
  });

  test('requirement: what is named twice is one clause', () => {
    expect(clausesOf({ scopes: ['pay', 'pay'] }, declared)).toHaveLength(1);
  });

  test.each(['__proto__', 'constructor', 'hasOwnProperty'])(
    'requirement: the name %s is undeclared unless declared',
    (name) => {
      const request = { scopes: [name], resources: [name], detailTypes: [name] };
      expect(clausesOf(request, declared)).toEqual([]);
      const scopes = JSON.parse(`{"${name}":{"acr":["phr"]}}`);
      expect(clausesOf(request, { ...declared, scopes })).toEqual([scope(name, { acr: [PHR] })]);
    },
  );
});

describe('merging', () => {
  test('rule 2: the smallest maxAge counts', () => {
    expect(smallestMaxAge([maxAge(900), scope('a', { maxAge: 60 }), promptLogin])).toBe(60);
    expect(smallestMaxAge([promptLogin])).toBeUndefined();
    expect(smallestMaxAge([])).toBeUndefined();
  });

  test('requirement: clauses stand in one order, however they were merged', () => {
    const clauses = [
      essential(FA),
      acrValues(PHR),
      maxAge(60),
      promptLogin,
      scope('a', {}),
      scope('b', { acr: [FA] }),
    ];
    expect(inOrder(clauses.toReversed())).toEqual(clauses);
    expect(inOrder([scope('a', { acr: [PHR] }), scope('a', { acr: [FA] })])).toEqual(
      inOrder([scope('a', { acr: [FA] }), scope('a', { acr: [PHR] })]),
    );
  });
});
