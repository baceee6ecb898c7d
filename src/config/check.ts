/**
 * Checks across the parts of a configuration, beyond the shape of each. Pure; every fault is reported.
 */
import { X509Certificate } from 'node:crypto';
import { findLevel } from '../domain/ladder.ts';
import { isListFile, parseNetworkEntry } from '../domain/network-list.ts';
import { clientFaults } from './check-clients.ts';
import { demoClient } from './demo.ts';
import type { Fault, FaultPath } from './faults.ts';
import { isLoopback, standardScopes } from './names.ts';
import type { Config } from './schema.ts';

/** All faults in a configuration of the right shape. */
export function configFaults(config: Config): Fault[] {
  return [
    ...issuerFaults(config),
    ...resourceFaults(config),
    ...scopeFaults(config),
    ...acrFaults(config),
    ...config.clients.flatMap((client, index) => clientFaults(config, client, index)),
    ...duplicates(config.clients.map(({ clientId }) => clientId)).map(({ index, value }) => ({
      path: ['clients', index, 'clientId'],
      message: `another client is called "${value}"`,
    })),
    ...passkeyFaults(config),
    ...lifetimeFaults(config),
    ...networkFaults(config),
    ...sinkFaults(config),
    ...(config.demo ? demoFaults(config) : productionFaults(config)),
  ];
}

function issuerFaults({ issuer }: Config): Fault[] {
  const path = ['issuer'];
  const url = new URL(issuer);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return [{ path, message: 'must be an https address' }];
  return url.origin === issuer
    ? []
    : [{ path, message: `must be an origin alone, without a path, query or final slash: "${url.origin}"` }];
}

function resourceFaults({ resources }: Config): Fault[] {
  const fragments = resources.flatMap(({ identifier }, index) =>
    identifier.includes('#')
      ? [{ path: ['resources', index, 'identifier'], message: 'has no fragment (RFC 8707, section 2)' }]
      : [],
  );
  const twice = duplicates(resources.map(({ identifier }) => new URL(identifier).href));
  const repeated = twice.map(({ index }) => ({
    path: ['resources', index, 'identifier'],
    message: 'another resource has this identifier',
  }));
  return [...fragments, ...repeated];
}

/** A scope's name carries its demand, so a name stands for one thing. */
function scopeFaults(config: Config): Fault[] {
  const owners = new Map<string, string>();
  const faults: Fault[] = [];
  for (const name of Object.keys(config.scopes)) owners.set(name, 'scopes');
  for (const [index, { identifier, scopes }] of config.resources.entries()) {
    for (const name of Object.keys(scopes)) {
      const path = ['resources', index, 'scopes', name];
      const owner = owners.get(name);
      if (standardScopes.includes(name))
        faults.push({ path, message: 'is a scope of OpenID Connect itself' });
      else if (owner) faults.push({ path, message: `the scope is declared twice; first by ${owner}` });
      owners.set(name, identifier);
    }
  }
  const names: FaultPath[] = [
    ...Object.keys(config.scopes).map((name) => ['scopes', name]),
    ...config.resources.flatMap(({ scopes }, index) =>
      Object.keys(scopes).map((name) => ['resources', index, 'scopes', name]),
    ),
  ];
  const malformed = names.filter((path) => !/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(String(path.at(-1))));
  return [
    ...faults,
    ...malformed.map((path) => ({ path, message: 'a scope has no spaces, quotes or backslashes' })),
  ];
}

/** Every acr a demand names must be that of a level, or the demand could never be met. */
function acrFaults(config: Config): Fault[] {
  const demands: { path: FaultPath; acr: readonly string[] | undefined }[] = [
    ...Object.entries(config.scopes).map(([name, { acr }]) => ({ path: ['scopes', name, 'acr'], acr })),
    ...Object.entries(config.authorizationDetails).map(([name, { acr }]) => ({
      path: ['authorizationDetails', name, 'acr'],
      acr,
    })),
    ...config.resources.flatMap(({ demand, scopes }, index) => [
      { path: ['resources', index, 'demand', 'acr'], acr: demand?.acr },
      ...Object.entries(scopes).map(([name, { acr }]) => ({
        path: ['resources', index, 'scopes', name, 'acr'],
        acr,
      })),
    ]),
    ...config.clients.flatMap(({ defaultAcrValues, minimum }, index) => [
      { path: ['clients', index, 'defaultAcrValues'], acr: defaultAcrValues },
      { path: ['clients', index, 'minimum', 'acr'], acr: minimum?.acr },
    ]),
  ];
  return demands.flatMap(({ path, acr = [] }) =>
    acr.flatMap((value, at) =>
      findLevel(config.levels as never, value)
        ? []
        : [{ path: [...path, at], message: `no level is called "${value}"` }],
    ),
  );
}

function passkeyFaults({ issuer, factors: { passkey } }: Config): Fault[] {
  const { hostname } = new URL(issuer);
  const { rpId } = passkey;
  const foreign = rpId !== undefined && rpId !== hostname && !hostname.endsWith(`.${rpId}`);
  return [
    ...(foreign
      ? [
          {
            path: ['factors', 'passkey', 'rpId'],
            message: `must be the issuer's host or a parent of ${hostname}`,
          },
        ]
      : []),
    ...passkey.trustedRoots.flatMap((pem, index) =>
      isCertificate(pem)
        ? []
        : [{ path: ['factors', 'passkey', 'trustedRoots', index], message: 'is no PEM certificate' }],
    ),
  ];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== '';
  } catch {
    return false;
  }
}

function lifetimeFaults({ session }: Config): Fault[] {
  return session.idle <= session.absolute
    ? []
    : [{ path: ['session', 'idle'], message: 'is longer than session.absolute' }];
}

/** A list that is in part misunderstood would pass for a whole one. */
function networkFaults({ network }: Config): Fault[] {
  return (['listed', 'anonymising'] as const).flatMap((name) =>
    network[name].flatMap((entry, index) =>
      isListFile(entry) || parseNetworkEntry(entry)
        ? []
        : [
            {
              path: ['network', name, index],
              message: 'is neither CIDR, an address, an AS number nor a file',
            },
          ],
    ),
  );
}

/** Audit events are for nobody else on the way. */
function sinkFaults({ audit: { sinks } }: Config): Fault[] {
  const shapes = sinks.flatMap(({ kind, path: file, url }, index) => {
    const path = ['audit', 'sinks', index];
    const [needed, other] = kind === 'file' ? ['path', 'url'] : ['url', 'path'];
    const given = { path: file, url };
    if (given[needed as 'path'] === undefined)
      return [{ path: [...path, needed ?? ''], message: `a ${kind} needs it` }];
    if (given[other as 'path'] !== undefined)
      return [{ path: [...path, other ?? ''], message: `a ${kind} has none` }];
    return url === undefined || isPrivate(new URL(url))
      ? []
      : [{ path: [...path, 'url'], message: 'must be https, or http to this machine' }];
  });
  const twice = duplicates(sinks.map(({ kind, path = '', url = '' }) => `${kind} ${path}${url}`));
  return [
    ...shapes,
    ...twice.map(({ index }) => ({ path: ['audit', 'sinks', index], message: 'is there twice' })),
  ];
}

function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/** The demo's secrets are public, so it stays on this machine. */
function demoFaults({ issuer, listen }: Config): Fault[] {
  const faults: Fault[] = [];
  if (!isLoopback(new URL(issuer).hostname) || issuer.startsWith('https:')) {
    faults.push({ path: ['issuer'], message: 'the demo is served on http://localhost only' });
  }
  if (!isLoopback(listen.host)) {
    faults.push({ path: ['listen', 'host'], message: 'the demo listens on a loopback address only' });
  }
  return faults;
}

function productionFaults({ issuer, clients }: Config): Fault[] {
  const plain = issuer.startsWith('http:')
    ? [{ path: ['issuer'], message: 'must be https (plain http serves the demo only)' }]
    : [];
  const known = clients.flatMap(({ clientId, secretHash }, index) =>
    clientId === demoClient.clientId || secretHash === demoClient.secretHash
      ? [{ path: ['clients', index], message: "is the demo's client, whose secret everybody knows" }]
      : [],
  );
  return [...plain, ...known];
}

function duplicates(values: readonly string[]): { index: number; value: string }[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [{ index, value }] : []));
}
