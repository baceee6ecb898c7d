/** Checks of one client. Pure; every fault is reported. */
import type { Fault } from './faults.ts';
import { accountClientId, isLoopback, standardScopes } from './names.ts';
import type { ClientConfig, Config } from './schema.ts';

type Found = readonly [where: readonly (string | number)[], message: string];

/** All faults of the client at `index`. */
export function clientFaults(config: Config, client: ClientConfig, index: number): Fault[] {
  const found: Found[] = [
    ...nameFaults(client),
    ...credentialFaults(client),
    ...grantFaults(client),
    ...redirectFaults(client),
    ...scopeFaults(config, client),
    ...introspectionFaults(config, client),
    ...pageFaults(client),
  ];
  return found.map(([where, message]) => ({ path: ['clients', index, ...where], message }));
}

function nameFaults({ clientId }: ClientConfig): Found[] {
  return clientId === accountClientId ? [[['clientId'], 'is the account page’s own']] : [];
}

function credentialFaults({ secretHash, authMethod, grantTypes, introspect }: ClientConfig): Found[] {
  const faults: Found[] = [];
  if (secretHash === undefined) {
    if (authMethod !== undefined && authMethod !== 'none') {
      faults.push([['authMethod'], `${authMethod} needs a secretHash`]);
    }
    if (grantTypes.includes('client_credentials')) {
      faults.push([['grantTypes'], 'client_credentials needs a secretHash']);
    }
    if (introspect !== undefined) faults.push([['introspect'], 'introspection needs a secretHash']);
    return faults;
  }
  if (!/^[\w-]{43}$/.test(secretHash)) {
    faults.push([['secretHash'], 'is no SHA-256 in base64url (`stile secret` makes one)']);
  }
  if (authMethod === 'none')
    faults.push([['authMethod'], 'a client with a secretHash must use it, not "none"']);
  return faults;
}

function grantFaults({ grantTypes, redirectUris, scopes }: ClientConfig): Found[] {
  const faults: Found[] = [];
  const code = grantTypes.includes('authorization_code');
  const refresh = grantTypes.includes('refresh_token');
  if (code && redirectUris.length === 0)
    faults.push([['redirectUris'], 'authorization_code needs at least one']);
  if (!code && redirectUris.length > 0) {
    faults.push([['redirectUris'], 'serve authorization_code, which is not among the grantTypes']);
  }
  if (refresh && !code) faults.push([['grantTypes'], 'refresh_token needs authorization_code']);
  if (!refresh && scopes?.includes('offline_access')) {
    faults.push([['scopes'], 'offline_access needs the grant type refresh_token']);
  }
  return faults;
}

function redirectFaults(client: ClientConfig): Found[] {
  const native = client.secretHash === undefined;
  return (['redirectUris', 'postLogoutRedirectUris'] as const).flatMap((list) =>
    client[list].flatMap((uri, index): Found[] => {
      const fault = redirectFault(uri, native);
      if (fault) return [[[list, index], fault]];
      return client[list].indexOf(uri) < index ? [[[list, index], 'is listed twice']] : [];
    }),
  );
}

/** RFC 9700, section 2.1 and RFC 8252, section 7: exact addresses that nobody else can receive at. */
function redirectFault(uri: string, native: boolean): string | undefined {
  if (uri.includes('*')) return 'must be exact: no wildcards';
  if (!URL.canParse(uri)) return 'is no absolute address';
  const url = new URL(uri);
  if (uri.includes('#')) return 'has no fragment';
  if (url.username || url.password) return 'has no user name or password';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:') {
    return isLoopback(url.hostname) ? undefined : 'must be https (plain http on a loopback address only)';
  }
  if (native && url.protocol.includes('.')) return undefined;
  return native
    ? 'must be https, http on a loopback address, or a private-use scheme with a dot in it'
    : 'must be https, or http on a loopback address';
}

function scopeFaults(config: Config, client: ClientConfig): Found[] {
  const known = new Set([
    ...standardScopes,
    ...Object.keys(config.scopes),
    ...config.resources.flatMap(({ scopes }) => Object.keys(scopes)),
  ]);
  return (client.scopes ?? []).flatMap((scope, index): Found[] =>
    known.has(scope) ? [] : [[['scopes', index], `no scope is called "${scope}"`]],
  );
}

function introspectionFaults(config: Config, client: ClientConfig): Found[] {
  return (client.introspect ?? []).flatMap((identifier, index): Found[] => {
    const resource = config.resources.find((each) => each.identifier === identifier);
    if (!resource) return [[['introspect', index], `no resource is called "${identifier}"`]];
    return resource.accessToken.format === 'opaque'
      ? []
      : [[['introspect', index], 'the tokens of this resource are JWTs, which are not introspected']];
  });
}

function pageFaults({ grantTypes, firstParty, name }: ClientConfig): Found[] {
  return grantTypes.includes('authorization_code') && !firstParty && name === undefined
    ? [[['name'], 'the consent page needs a name (or set firstParty)']]
    : [];
}
