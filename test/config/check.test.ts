import { describe, expect, test } from 'vitest';
import { showPath } from '../../src/config/faults.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { ACR_1FA } from '../../src/domain/ladder.ts';

const issuer = 'https://id.example.com';
const secretHash = 'a'.repeat(43);
const web = { clientId: 'web', name: 'Web', redirectUris: ['https://app.example.com/cb'] };
const api = { identifier: 'https://api.example.com', scopes: { pay: {} } };

function faults(config: ConfigInput): string[] {
  return parseConfig({ issuer, ...config }).faults.map(
    ({ path, message }) => `${showPath(path)}: ${message}`,
  );
}

function clientFaults(client: object): string[] {
  const opaque = { identifier: 'https://opaque.example', accessToken: { format: 'opaque' as const } };
  return faults({ resources: [api, opaque], clients: [{ ...web, ...client }] }).map((fault) =>
    fault.replace(/^clients\[0\]\./, ''),
  );
}

test('a sound configuration has no faults', () => {
  expect(
    faults({
      scopes: { vault: { acr: ['phr'] } },
      resources: [{ ...api, demand: { acr: [ACR_1FA], maxAge: 60 } }],
      clients: [
        { ...web, scopes: ['openid', 'pay', 'vault'], defaultAcrValues: ['phr'], minimum: { maxAge: 3600 } },
        { clientId: 'job', secretHash, grantTypes: ['client_credentials'] },
        { clientId: 'native', name: 'App', redirectUris: ['com.example.app:/cb', 'http://127.0.0.1/cb'] },
      ],
    }),
  ).toEqual([]);
});

describe('redirect addresses are exact, and reachable by the client alone', () => {
  const cases: [uri: string, client: object, fault: string | null][] = [
    ['https://app.example.com/cb?x=1', {}, null],
    ['http://localhost:8080/cb', { secretHash }, null],
    ['http://[::1]/cb', {}, null],
    ['http://app.example.com/cb', {}, 'must be https (plain http on a loopback address only)'],
    ['http://127.0.0.1.evil.example/cb', {}, 'must be https (plain http on a loopback address only)'],
    ['https://*.example.com/cb', {}, 'must be exact: no wildcards'],
    ['https://app.example.com/cb#', {}, 'has no fragment'],
    ['/cb', {}, 'is no absolute address'],
    ['https://user@app.example.com/cb', {}, 'has no user name or password'],
    ['myapp:/cb', {}, 'must be https, http on a loopback address, or a private-use scheme with a dot in it'],
    ['com.example.app:/cb', { secretHash }, 'must be https, or http on a loopback address'],
    ['javascript:alert(1)', { secretHash }, 'must be https, or http on a loopback address'],
  ];
  test.each(cases)('%s', (uri, client, fault) => {
    expect(clientFaults({ ...client, redirectUris: [uri] })).toEqual(
      fault ? [`redirectUris[0]: ${fault}`] : [],
    );
    expect(clientFaults({ ...client, postLogoutRedirectUris: [uri] })).toEqual(
      fault ? [`postLogoutRedirectUris[0]: ${fault}`] : [],
    );
  });

  test('listed twice', () => {
    expect(clientFaults({ redirectUris: [...web.redirectUris, ...web.redirectUris] })).toEqual([
      'redirectUris[1]: is listed twice',
    ]);
  });
});

describe('clients', () => {
  const cases: [title: string, client: object, fault: string][] = [
    [
      'confidential with a public method',
      { secretHash, authMethod: 'none' },
      'authMethod: a client with a secretHash must use it, not "none"',
    ],
    [
      'public with a confidential method',
      { authMethod: 'client_secret_post' },
      'authMethod: client_secret_post needs a secretHash',
    ],
    [
      'a secret in place of its hash',
      { secretHash: 'hunter2' },
      'secretHash: is no SHA-256 in base64url (`stile secret` makes one)',
    ],
    [
      'client credentials without a secret',
      { grantTypes: ['authorization_code', 'client_credentials'] },
      'grantTypes: client_credentials needs a secretHash',
    ],
    ['code without an address', { redirectUris: [] }, 'redirectUris: authorization_code needs at least one'],
    [
      'an address without code',
      { secretHash, grantTypes: ['client_credentials'] },
      'redirectUris: serve authorization_code, which is not among the grantTypes',
    ],
    [
      'refresh without code',
      { redirectUris: [], grantTypes: ['refresh_token'] },
      'grantTypes: refresh_token needs authorization_code',
    ],
    [
      'offline access without refresh',
      { grantTypes: ['authorization_code'], scopes: ['offline_access'] },
      'scopes: offline_access needs the grant type refresh_token',
    ],
    ['a scope nobody declares', { scopes: ['openid', 'ghost'] }, 'scopes[1]: no scope is called "ghost"'],
    [
      'an unknown default acr',
      { defaultAcrValues: ['phr', 'gold'] },
      'defaultAcrValues[1]: no level is called "gold"',
    ],
    ['an unknown minimum', { minimum: { acr: ['gold'] } }, 'minimum.acr[0]: no level is called "gold"'],
    ['a minimum that narrows', { minimum: { narrow: true } }, 'minimum.narrow: there is no such setting'],
    [
      'introspection of nothing',
      { secretHash, introspect: ['https://ghost.example'] },
      'introspect[0]: no resource is called "https://ghost.example"',
    ],
    [
      'introspection of JWTs',
      { secretHash, introspect: ['https://api.example.com'] },
      'introspect[0]: the tokens of this resource are JWTs, which are not introspected',
    ],
    [
      'introspection by a public client',
      { introspect: ['https://opaque.example'] },
      'introspect: introspection needs a secretHash',
    ],
    [
      'a third party without a name',
      { name: undefined },
      'name: the consent page needs a name (or set firstParty)',
    ],
  ];
  test.each(cases)('%s', (_, client, fault) => {
    expect(clientFaults(client)).toEqual([fault]);
  });

  test('two of one name', () => {
    expect(faults({ clients: [web, web] })).toEqual(['clients[1].clientId: another client is called "web"']);
  });
});

describe('resources, scopes, levels', () => {
  const cases: [title: string, config: ConfigInput, ...faults: string[]][] = [
    [
      'one resource twice',
      { resources: [{ identifier: 'https://a.example' }, { identifier: 'https://a.example/' }] },
      'resources[1].identifier: another resource has this identifier',
    ],
    [
      'a fragment',
      { resources: [{ identifier: 'https://a.example#x' }] },
      'resources[0].identifier: has no fragment (RFC 8707, section 2)',
    ],
    [
      'one scope in two resources',
      { resources: [api, { ...api, identifier: 'https://b.example' }] },
      'resources[1].scopes.pay: the scope is declared twice; first by https://api.example.com',
    ],
    [
      'one scope inside and outside',
      { scopes: { pay: {} }, resources: [api] },
      'resources[0].scopes.pay: the scope is declared twice; first by scopes',
    ],
    [
      'a scope of OpenID Connect',
      { resources: [{ ...api, scopes: { openid: {} } }] },
      'resources[0].scopes.openid: is a scope of OpenID Connect itself',
    ],
    [
      'a scope with a space',
      { scopes: { 'a b': {} } },
      'scopes["a b"]: a scope has no spaces, quotes or backslashes',
    ],
    [
      'an unknown acr of a scope',
      { scopes: { pay: { acr: ['gold'] } } },
      'scopes.pay.acr[0]: no level is called "gold"',
    ],
    [
      'an unknown acr of a resource',
      { resources: [{ ...api, demand: { acr: ['gold'] } }] },
      'resources[0].demand.acr[0]: no level is called "gold"',
    ],
    [
      'an unknown acr of a type',
      { authorizationDetails: { pay: { acr: ['gold'] } } },
      'authorizationDetails.pay.acr[0]: no level is called "gold"',
    ],
    [
      'a resource that narrows',
      { resources: [{ ...api, demand: { narrow: true } as object }] },
      'resources[0].demand.narrow: there is no such setting',
    ],
    [
      'a longer idle than absolute time',
      { session: { idle: 120, absolute: 60 } },
      'session.idle: is longer than session.absolute',
    ],
    [
      'a foreign rpId',
      { factors: { passkey: { rpId: 'ample.com' } } },
      "factors.passkey.rpId: must be the issuer's host or a parent of id.example.com",
    ],
    [
      'no certificate',
      { factors: { passkey: { trustedRoots: ['x'] } } },
      'factors.passkey.trustedRoots[0]: is no PEM certificate',
    ],
    [
      'tokens that outlive step-up',
      { tokens: { steppedUp: 301 } },
      'tokens.steppedUp: Too big: expected number to be <=300',
    ],
  ];
  test.each(cases)('%s', (_, config, ...expected) => {
    expect(faults(config)).toEqual(expected);
  });

  test('a parent domain may be the rpId', () => {
    expect(faults({ factors: { passkey: { rpId: 'example.com' } } })).toEqual([]);
  });
});

describe('an audit sink', () => {
  const cases: [sink: object, fault: string | null][] = [
    [{ kind: 'file', path: 'audit.jsonl' }, null],
    [{ kind: 'webhook', url: 'https://siem.example.com/in' }, null],
    [{ kind: 'webhook', url: 'http://127.0.0.1:9000/in' }, null],
    [
      { kind: 'webhook', url: 'http://siem.example.com/in' },
      'sinks[0].url: must be https, or http to this machine',
    ],
    [{ kind: 'file' }, 'sinks[0].path: a file needs it'],
    [{ kind: 'webhook', path: 'x' }, 'sinks[0].url: a webhook needs it'],
    [{ kind: 'file', path: 'x', url: 'https://a.example' }, 'sinks[0].url: a file has none'],
  ];
  test.each(cases)('%j', (sink, fault) => {
    expect(faults({ audit: { sinks: [sink as never] } })).toEqual(fault ? [`audit.${fault}`] : []);
  });

  test('is there once', () => {
    const sink = { kind: 'file' as const, path: 'x' };
    expect(faults({ audit: { sinks: [sink, sink] } })).toEqual(['audit.sinks[1]: is there twice']);
  });
});

describe('issuer', () => {
  const cases: [issuer: string, demo: boolean, fault: string | null][] = [
    ['https://id.example.com', false, null],
    ['https://id.example.com:8443', false, null],
    [
      'https://id.example.com/',
      false,
      'must be an origin alone, without a path, query or final slash: "https://id.example.com"',
    ],
    [
      'https://id.example.com/op',
      false,
      'must be an origin alone, without a path, query or final slash: "https://id.example.com"',
    ],
    ['http://localhost:3000', false, 'must be https (plain http serves the demo only)'],
    ['ftp://id.example.com', false, 'must be an https address'],
    ['http://localhost:3000', true, null],
    ['https://id.example.com', true, 'the demo is served on http://localhost only'],
    ['http://id.example.com', true, 'the demo is served on http://localhost only'],
  ];
  test.each(cases)('%s, demo %s', (issuer, demo, fault) => {
    expect(faults({ issuer, demo })).toEqual(fault ? [`issuer: ${fault}`] : []);
  });

  test('the demo stays on this machine', () => {
    expect(faults({ issuer: 'http://localhost:3000', demo: true, listen: { host: '0.0.0.0' } })).toEqual([
      'listen.host: the demo listens on a loopback address only',
    ]);
  });
});

test('networks: an entry that is none is a fault, whichever list it is in', () => {
  const sound = ['192.0.2.0/24', '2001:db8::/32', '192.0.2.1', 'AS64496', './vpn.txt', '/etc/stile/tor.txt'];
  expect(faults({ network: { listed: sound, anonymising: sound } })).toEqual([]);
  const message = 'is neither CIDR, an address, an AS number nor a file';
  expect(faults({ network: { listed: ['192.0.2.0/33', '::1'], anonymising: ['vpn.txt', 'AS0'] } })).toEqual([
    `network.listed[0]: ${message}`,
    `network.anonymising[0]: ${message}`,
    `network.anonymising[1]: ${message}`,
  ]);
});
