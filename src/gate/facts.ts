/** What a gateway's subrequest says of the client's request. Each gateway's dialect reads its own fields and no others. */
import { type BlockList, isIP } from 'node:net';

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
  readonly fields: Fields;
  /** Who sent it. */
  readonly peer: string;
}

/** The fields the gate reads; of any other it knows nothing. Those of the first line are facts, and said once. */
const single = [
  ...['host', 'dpop', 'x-original-method', 'x-original-uri', 'x-forwarded-method', 'x-forwarded-uri'],
  ...['x-forwarded-proto', 'x-forwarded-host'],
] as const;
const joined = ['x-forwarded-for', 'authorization', 'content-length', 'transfer-encoding'] as const;
type Name = (typeof single)[number] | (typeof joined)[number];
const known = new Map<string, { readonly name: Name; readonly once: boolean }>([
  ...single.map((name) => [name, { name, once: true }] as const),
  ...joined.map((name) => [name, { name, once: false }] as const),
]);

export interface Fields {
  readonly values: Readonly<Partial<Record<Name, string>>>;
  /** A fact that is said twice is none. */
  readonly repeated: boolean;
  readonly hasBody: boolean;
}

/** @param raw Names and values in turn, as Node gives them. Fields said twice are joined as HTTP has it. */
export function readFields(raw: readonly string[]): Fields {
  const values: Partial<Record<Name, string>> = {};
  let repeated = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const field = known.get((raw[index] ?? '').toLowerCase());
    if (!field) continue;
    const before = values[field.name];
    if (before !== undefined && field.once) repeated = true;
    values[field.name] = before === undefined ? (raw[index + 1] ?? '') : `${before}, ${raw[index + 1]}`;
  }
  const { 'content-length': length, 'transfer-encoding': coding } = values;
  return { values, repeated, hasBody: coding !== undefined || Number(length ?? 0) > 0 };
}

/** The request behind a subrequest; undefined where a fact is missing, repeated or malformed. */
export function readFacts(subrequest: Subrequest, isTrusted: Networks): ClientRequest | undefined {
  const { values, repeated } = subrequest.fields;
  if (repeated) return undefined;
  const { method, target } = requestLine(subrequest);
  const scheme = values['x-forwarded-proto'];
  const authority = authorityOf(subrequest);
  const host = authority === undefined ? undefined : hostOf(authority);
  if (!method || !isMethod(method) || !target) return undefined;
  if ((scheme !== 'http' && scheme !== 'https') || authority === undefined || host === undefined)
    return undefined;
  const client = clientAddress(values['x-forwarded-for'], subrequest.peer, isTrusted);
  const { authorization, dpop } = values;
  return { method, scheme, authority, host, target, client, authorization, dpop };
}

/** What of a request is told in the log. */
export interface Asked {
  readonly client: string;
  readonly method?: string | undefined;
  readonly host?: string | undefined;
  readonly target?: string | undefined;
}

/** What a subrequest that cannot be judged says of its request, shortened: for the log, and for nothing else. */
export function claimed(subrequest: Subrequest, isTrusted: Networks): Asked {
  const { values } = subrequest.fields;
  const { method, target } = requestLine(subrequest);
  const host = authorityOf(subrequest);
  const client = clientAddress(values['x-forwarded-for'], subrequest.peer, isTrusted);
  return { client, method: method?.slice(0, 32), host: host?.slice(0, 255), target: target?.slice(0, 1024) };
}

/** Methods are case-sensitive (RFC 9110 9.1), but not to every program: one in small letters is none. */
export function isMethod(text: string): boolean {
  return /^[A-Z][A-Z-]{0,31}$/.test(text);
}

/** An absolute URL taken apart by hand: a URL parser would repair what the gate has to see. */
export function splitUrl(
  text: string,
): Pick<ClientRequest, 'scheme' | 'authority' | 'host' | 'target'> | undefined {
  const [, scheme, authority = '', target = ''] = /^(https?):\/\/([^/?#\\]+)(.*)$/s.exec(text) ?? [];
  const host = hostOf(authority);
  if ((scheme !== 'http' && scheme !== 'https') || host === undefined) return undefined;
  return { scheme, authority, host, target: target || '/' };
}

function authorityOf({ dialect, fields: { values } }: Subrequest): string | undefined {
  return values[dialect === 'envoy' ? 'host' : 'x-forwarded-host'];
}

function requestLine({ dialect, method, target, fields: { values } }: Subrequest) {
  if (dialect === 'envoy') return { method, target };
  if (dialect === 'original')
    return { method: values['x-original-method'], target: values['x-original-uri'] };
  return { method: values['x-forwarded-method'], target: values['x-forwarded-uri'] };
}

/** `Bank.example:8443` → `bank.example`; undefined for what is no host, as one with a trailing dot. */
export function hostOf(authority: string): string | undefined {
  const [, host] =
    /^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.exec(authority) ?? [];
  return host?.toLowerCase();
}

/** From the right, the first address that is not a trusted proxy's. */
function clientAddress(forwardedFor: string | undefined, peer: string, isTrusted: Networks): string {
  if (forwardedFor === undefined) return peer;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  for (const hop of hops.reverse()) if (isIP(hop) !== 0 && !isTrusted(hop)) return hop;
  return peer;
}

/** Whether an address is in one of the networks. */
export type Networks = (address: string) => boolean;

/** Addresses whose answer is kept: gateways, and clients of late. */
const REMEMBERED = 1000;

export function networksOf(list: BlockList): Networks {
  const answers = new Map<string, boolean>();
  return (address) => {
    const answer = answers.get(address) ?? isIn(list, address);
    if (answers.size >= REMEMBERED) answers.clear();
    answers.set(address, answer);
    return answer;
  };
}

function isIn(list: BlockList, address: string): boolean {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : '';
  const plain = isIP(mapped) === 4 ? mapped : address;
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}
