/** The core: what is refused, how, and in which words. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createResourceServer, type ResourceServerOptions } from '../src/server/index.ts';
import type { Demand } from '../src/shared/demand.ts';
import { createTestIssuer, type TestIssuer } from '../src/testing/index.ts';
import { boundTokens } from './bound-tokens.ts';

const URL_ = 'https://api.test/things';
let time = 1_800_000_000;
const now = () => time;
let issuer: TestIssuer;

beforeEach(async () => {
  time = 1_800_000_000;
  issuer = await createTestIssuer({ now });
});

function server(options: Partial<ResourceServerOptions> = {}) {
  const { issuer: iss, audience, fetch } = issuer;
  return createResourceServer({ issuer: iss, audience, fetch, now, ...options });
}

const request = (authorization?: string, more: object = {}) => ({
  method: 'GET',
  url: URL_,
  authorization,
  ...more,
});

async function ask(token: string, demand?: Demand, api = server()) {
  return summary(await api.decide(request(`Bearer ${token}`), demand));
}

function summary(decision: Awaited<ReturnType<ReturnType<typeof server>['decide']>>) {
  return decision.allowed ? 'allowed' : `${decision.status} ${decision.headers['www-authenticate'] ?? ''}`;
}

const bad =
  '401 Bearer error="invalid_token", error_description="The access token is expired, revoked, malformed or not for this API"';

describe('tokens', () => {
  it('lets a valid JWT in, and says who calls', async () => {
    const decision = await server().decide(request(`Bearer ${await issuer.mint({ scope: 'a b' })}`));
    expect(decision).toMatchObject({
      allowed: true,
      caller: { sub: 'person-1', clientId: 'client-1', scope: ['a', 'b'], binding: 'bearer' },
    });
  });

  it('answers no token with 401 and no error, and says nothing of the demand', async () => {
    const demand = { acr: ['phr'], maxAge: 300, scope: ['a'] };
    expect(summary(await server().decide(request(), demand))).toBe('401 Bearer');
    expect(summary(await server().decide(request('Basic eDp5'), demand))).toBe('401 Bearer');
    expect(await ask('rubbish', demand)).toBe(bad);
  });

  it.each([
    ['an ID token', { typ: 'JWT' }],
    ['another audience', { claims: { aud: 'https://other.test' } }],
    ['another issuer', { claims: { iss: 'https://other.test' } }],
    ['expired', { expiresIn: -11 }],
    ['no exp', { claims: { exp: undefined } }],
    ['no sub', { claims: { sub: undefined } }],
    ['no client_id', { claims: { client_id: undefined } }],
    ['no iat', { claims: { iat: undefined } }],
    ['no jti', { claims: { jti: undefined } }],
    ['issued in the future', { claims: { iat: 1_800_000_011 } }],
    ['a binding that is not understood', { claims: { cnf: { kid: 'x' } } }],
    ['auth_time of another type', { claims: { auth_time: '1800000000' } }],
  ])('refuses a token: %s', async (_, token) => {
    expect(await ask(await issuer.mint(token))).toBe(bad);
  });

  it('refuses a remembered token once it has expired, and tolerates ten seconds of clock', async () => {
    const api = server();
    const token = await issuer.mint({ expiresIn: 5 });
    time += 14;
    expect(await ask(token, undefined, api)).toBe('allowed');
    expect(await ask(token, undefined, api)).toBe('allowed');
    time += 1;
    expect(await ask(token, undefined, api)).toBe(bad);
    expect(await ask(token, undefined, api)).toBe(bad);
  });

  it('decides on a remembered token at once, and on nothing else', async () => {
    const api = server();
    const token = await issuer.mint();
    const facts = request(`Bearer ${token}`);
    const first = api.authenticate(facts);
    expect([first instanceof Promise, await first]).toMatchObject([true, { allowed: true }]);
    const permit = api.authenticate(facts);
    if (permit instanceof Promise || !permit.allowed) throw new Error('not remembered');
    expect(await api.authorize(facts, permit, { acr: ['phr'] })).toMatchObject({ status: 401 });
    expect(api.authorize(facts, permit, { acr: ['phr'] })).toMatchObject({ status: 401 });
    for (const field of [
      `${facts.authorization}x`,
      `${facts.authorization} x`,
      `Bearer  ${await issuer.mint()}`,
    ])
      expect(api.authenticate(request(field))).not.toMatchObject({ allowed: true });
    expect(api.authenticate(request(`DPoP ${token}`))).toMatchObject({
      status: 401,
    });
  });

  it('takes a client that acts for itself for no person', async () => {
    const token = await issuer.mint({ sub: 'client-1' });
    const decision = await server().decide(request(`Bearer ${token}`));
    expect(decision.allowed && decision.caller.sub).toBe(undefined);
  });

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a, Bearer b', 'Basic eDp5, Bearer a', 'Bearer é'])(
    'answers 400 to %s',
    async (field) => {
      expect(summary(await server().decide(request(field)))).toMatch(/^400 Bearer error="invalid_request"/);
    },
  );

  it('refuses symmetric algorithms at declaration', () => {
    expect(() => server({ algorithms: ['HS256'] })).toThrow(/HS256/);
    expect(() => server({ issuer: 'http://issuer.test' })).toThrow(/allowHttp/);
  });
});

describe('keys', () => {
  it('asks once, and again for an unknown kid, with a cool-down', async () => {
    const api = server();
    await ask(await issuer.mint(), undefined, api);
    await ask(await issuer.mint(), undefined, api);
    expect(issuer.requests).toHaveLength(2);
    const old = await issuer.mint();
    await issuer.rotate();
    time += 31;
    expect(await ask(await issuer.mint(), undefined, api)).toBe('allowed');
    expect(await ask(old, undefined, api)).toBe(bad);
    expect(issuer.requests).toHaveLength(3);
    await issuer.rotate();
    expect(await ask(await issuer.mint(), undefined, api)).toBe(bad);
    expect(issuer.requests).toHaveLength(3);
  });

  it('forgets what a removed key had signed', async () => {
    const api = server();
    const old = await issuer.mint({ expiresIn: 9999 });
    expect(await ask(old, undefined, api)).toBe('allowed');
    await issuer.rotate();
    time += 31;
    await ask(await issuer.mint(), undefined, api);
    expect(await ask(old, undefined, api)).toBe(bad);
  });

  it('asks again for keys that are due, also where every token is remembered', async () => {
    const api = server();
    const old = await issuer.mint({ expiresIn: 9999 });
    expect(await ask(old, undefined, api)).toBe('allowed');
    await issuer.rotate();
    time += 601;
    await ask(old, undefined, api);
    await vi.waitFor(async () => expect(await ask(old, undefined, api)).toBe(bad));
  });

  it('goes on through an outage, also past the time of refreshing', async () => {
    const api = server();
    await ask(await issuer.mint(), { acr: ['phr'] }, api);
    issuer.setReachable(false);
    time += 3600;
    expect(await ask(await issuer.mint({ acr: 'phrh' }), { acr: ['phr'] }, api)).toBe('allowed');
  });

  it('is 503 with Retry-After before it ever reached the issuer, and recovers', async () => {
    const api = server();
    issuer.setReachable(false);
    const token = await issuer.mint();
    const decision = await api.decide(request(`Bearer ${token}`));
    expect(decision).toMatchObject({
      status: 503,
      headers: { 'retry-after': '2' },
      reason: 'issuer_unavailable',
    });
    issuer.setReachable(true);
    time += 2;
    expect(await ask(token, undefined, api)).toBe('allowed');
  });
});

describe('opaque tokens', () => {
  const opaque = (cacheFor = 30) =>
    server({ introspection: { clientId: 'api', clientSecret: 'secret', cacheFor } });

  it('introspects once within the stated time, and never believes beyond exp', async () => {
    const api = opaque();
    const token = issuer.mintOpaque({ expiresIn: 40 });
    expect(await ask(token, undefined, api)).toBe('allowed');
    issuer.revoke(token);
    time += 29;
    expect(await ask(token, undefined, api)).toBe('allowed');
    time += 1;
    expect(await ask(token, undefined, api)).toBe(bad);
    const short = issuer.mintOpaque({ expiresIn: 5 });
    expect(await ask(short, undefined, api)).toBe('allowed');
    time += 5;
    expect(await ask(short, undefined, api)).toBe(bad);
  });

  it('refuses another audience, and one that names none', async () => {
    for (const aud of ['https://other.test', undefined])
      expect(await ask(issuer.mintOpaque({ claims: { aud } }), undefined, opaque())).toBe(bad);
  });

  it('does not send a JWT anywhere, and is 503 when the issuer is away', async () => {
    const api = opaque();
    expect(await ask(await issuer.mint({ typ: 'JWT' }), undefined, api)).toBe(bad);
    expect(issuer.requests.filter((url) => url.endsWith('/introspect'))).toEqual([]);
    issuer.setReachable(false);
    expect(await ask(issuer.mintOpaque(), undefined, api)).toMatch(/^503/);
  });
});

describe('demands', () => {
  const whole: Demand = { acr: ['phr', 'x'], maxAge: 300, scope: ['pay'] };
  const step = (why: string) =>
    `401 Bearer error="insufficient_user_authentication", error_description="A ${why} authentication is required", acr_values="phr x", max_age="300", scope="pay"`;

  it('is met by a stronger level that implies it, and by no other', async () => {
    expect(await ask(await issuer.mint({ acr: 'phrh' }), { acr: ['phr'] })).toBe('allowed');
    expect(await ask(await issuer.mint({ acr: 'urn:stile:acr:mfa' }), { acr: ['phr'] })).toMatch(/^401/);
    expect(await ask(await issuer.mint({ claims: { acr: undefined } }), { acr: ['phr'] })).toMatch(/^401/);
    expect(await ask(await issuer.mint({ acr: 'toString' }), { acr: ['phr'] })).toMatch(/^401/);
  });

  it('carries the whole requirement, whichever part is missing', async () => {
    const at = time - 1000;
    expect(await ask(await issuer.mint({ scope: 'pay' }), whole)).toBe(step('stronger'));
    expect(await ask(await issuer.mint({ scope: 'pay', acr: 'phr', authTime: at }), whole)).toBe(
      step('more recent'),
    );
    expect(await ask(await issuer.mint(), whole)).toBe(step('stronger'));
    expect(await ask(await issuer.mint({ acr: 'phr' }), whole)).toBe(
      '403 Bearer error="insufficient_scope", error_description="The access token lacks a scope", acr_values="phr x", max_age="300", scope="pay"',
    );
  });

  it('gives ten seconds of leeway on age, and none to an authentication in the future', async () => {
    const aged = async (age: number) => ask(await issuer.mint({ authTime: time - age }), { maxAge: 30 });
    expect(await aged(40)).toBe('allowed');
    expect(await aged(41)).toMatch(/^401/);
    expect(await aged(-11)).toMatch(/^401/);
  });

  it.each([{ maxAge: 29 }, { maxAge: 30.5 }, { acr: [] }, { acr: ['a b'] }, { scope: ['"'] }])(
    'refuses to declare %j',
    async (demand) => {
      await expect(server().decide(request(), demand)).rejects.toThrow(/maxAge|acr|scope/);
    },
  );

  it('compares authorization_details, and names them in the body', async () => {
    const held = { type: 'payment', actions: ['read', 'pay'], to: { name: 'Robin', id: 7 } };
    const token = await issuer.mint({ authorizationDetails: [held] });
    const wanted = (more: object) => ({ authorizationDetails: [{ type: 'payment', ...more }] });
    expect(await ask(token, wanted({ actions: ['pay'], to: { id: 7 } }))).toBe('allowed');
    const lacking = wanted({ actions: ['close'] });
    const decision = await server().decide(request(`Bearer ${token}`), lacking);
    expect(decision).toMatchObject({
      status: 403,
      body: {
        error: 'insufficient_authorization_details',
        authorization_details: lacking.authorizationDetails,
      },
    });
  });
});

describe('bound tokens', () => {
  boundTokens();

  it('offers both schemes, and points to the metadata', async () => {
    const api = server({ dpop: {}, resourceMetadata: {}, algorithms: ['ES256'] });
    const where = 'resource_metadata="https://api.test/.well-known/oauth-protected-resource"';
    expect(summary(await api.decide(request()))).toBe(`401 Bearer ${where}, DPoP algs="ES256", ${where}`);
    expect(await api.metadata.document()).toMatchObject({
      resource: 'https://api.test',
      authorization_servers: ['https://issuer.test'],
    });
  });

  it('knows the certificate a token is bound to (RFC 8705)', async () => {
    const token = await issuer.mint({ claims: { cnf: { 'x5t#S256': 'abc' } } });
    expect(await ask(token)).toBe(bad);
    const facts = request(`Bearer ${token}`, { certificateThumbprint: 'abc' });
    expect(await server().decide(facts)).toMatchObject({ allowed: true, caller: { binding: 'mtls' } });
  });
});

it('reports each decision, and a report that fails changes nothing', async () => {
  const seen: unknown[] = [];
  const api = server({
    onDecision: ({ decision }) => {
      seen.push(decision.allowed);
      throw new Error('no disk');
    },
  });
  expect(await ask(await issuer.mint(), undefined, api)).toBe('allowed');
  expect(seen).toEqual([true]);
});
