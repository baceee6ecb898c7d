/** What a gateway's subrequest says of the client's request. Each gateway's dialect reads its own fields and no others. */
import type { BlockList } from 'node:net';

/**
 * `original`: nginx and HAProxy, by X-Original-Method and X-Original-URI. `forwarded`: Caddy and Traefik, by
 * X-Forwarded-Method and X-Forwarded-Uri. `envoy`: the subrequest's own method, path and host.
 */
export type Dialect = 'original' | 'forwarded' | 'envoy';

export interface ClientRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** As sent, with the port. */
  readonly authority: string;
  /** Lower case, without the port. */
  readonly host: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  /** The client's address, as far as trusted proxies tell it. */
  readonly client: string;
  readonly authorization?: string | undefined;
  readonly dpop?: string | undefined;
}

export interface Subrequest {
  readonly dialect: Dialect;
  readonly method: string;
  /** For `envoy`: what follows the prefix. */
  readonly target: string;
  /** Names and values in turn, as Node gives them. */
  readonly rawHeaders: readonly string[];
  /** Who sent it. */
  readonly peer: string;
}

const single = new Set([
  'host',
  'dpop',
  'x-original-method',
  'x-original-uri',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-forwarded-proto',
  'x-forwarded-host',
]);

/** The request behind a subrequest; undefined where a fact is missing, repeated or malformed. */
export function readFacts(subrequest: Subrequest, trusted: BlockList): ClientRequest | undefined {
  const fields = collect(subrequest.rawHeaders);
  if (!fields) return undefined;
  const { method, target } = requestLine(subrequest, fields);
  const scheme = fields.get('x-forwarded-proto');
  const authority = fields.get(subrequest.dialect === 'envoy' ? 'host' : 'x-forwarded-host');
  const host = authority === undefined ? undefined : hostOf(authority);
  if (!method || !/^[A-Za-z-]{1,32}$/.test(method) || !target) return undefined;
  if ((scheme !== 'http' && scheme !== 'https') || authority === undefined || host === undefined)
    return undefined;
  const client = clientAddress(fields.get('x-forwarded-for'), subrequest.peer, trusted);
  const credentials = { authorization: fields.get('authorization'), dpop: fields.get('dpop') };
  return { method, scheme, authority, host, target, client, ...credentials };
}

function requestLine({ dialect, method, target }: Subrequest, fields: ReadonlyMap<string, string>) {
  if (dialect === 'envoy') return { method, target };
  const prefix = dialect === 'original' ? 'x-original' : 'x-forwarded';
  return { method: fields.get(`${prefix}-method`), target: fields.get(`${prefix}-uri`) };
}

/** A fact that is said twice is none; other fields are joined as HTTP has it. */
function collect(raw: readonly string[]): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const before = fields.get(name);
    if (before !== undefined && single.has(name)) return undefined;
    fields.set(name, before === undefined ? (raw[index + 1] ?? '') : `${before}, ${raw[index + 1]}`);
  }
  return fields;
}

/** `Bank.example:8443` → `bank.example`; undefined for what is no host, as one with a trailing dot. */
export function hostOf(authority: string): string | undefined {
  const [, host] =
    /^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.exec(authority) ?? [];
  return host?.toLowerCase();
}

/** From the right, the first address that is not a trusted proxy's. */
function clientAddress(forwardedFor: string | undefined, peer: string, trusted: BlockList): string {
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim());
  for (const hop of hops.reverse())
    if (/^[0-9A-Fa-f:.]{2,45}$/.test(hop) && !isTrusted(trusted, hop)) return hop;
  return peer;
}

/** Whether an address is in one of the networks. */
export function isTrusted(networks: BlockList, address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return networks.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4');
}
