/** What every adapter needs and no framework gives. */
import type { Demand } from '../shared/demand.ts';
import { checkDemand } from './judge.ts';
import type { ResourceServerOptions } from './options.ts';
import { createResourceServer } from './resource-server.ts';
import { pathOf } from './target.ts';
import type { Caller, Permit, RequestFacts, ResourceServer } from './types.ts';

/** A demand, or what finds it in the request; `undefined`: a valid token is enough. */
export type DemandFor<R> = Demand | ((request: R) => Demand | undefined | Promise<Demand | undefined>);

/** Options, or a resource server that several adapters share. */
export type Protection = ResourceServerOptions | ResourceServer;

export function serverOf(protection: Protection): ResourceServer {
  return 'authenticate' in protection ? protection : createResourceServer(protection);
}

/** The fault of a route that asks for a caller where `protect` did not run before: of the program, not the request. */
export class NotProtectedError extends Error {
  override readonly name = 'NotProtectedError';
  constructor() {
    super('protect() has to come before requireStepUp() and callerOf()');
  }
}

/** What an adapter cannot know by itself; `R` is what the framework hands to a handler. */
export interface Surroundings<R> {
  /**
   * SHA-256 of the client's certificate, base64url, from the TLS connection or from a proxy that is trusted and sets the
   * field itself (RFC 8705 3.1). Without it, tokens bound to a certificate are refused.
   */
  readonly certificateThumbprint?: (request: R) => string | undefined | Promise<string | undefined>;
}

/** The facts, with the certificate where it can be known. */
export async function withCertificate<R>(
  facts: RequestFacts,
  request: R,
  { certificateThumbprint }: Surroundings<R>,
): Promise<RequestFacts> {
  if (!certificateThumbprint) return facts;
  return { ...facts, certificateThumbprint: await certificateThumbprint(request) };
}

/** A request that was let in. */
export interface Entry {
  readonly server: ResourceServer;
  readonly facts: RequestFacts;
  readonly permit: Permit;
}

const entries = new WeakMap<object, Entry>();

export function enter(request: object, entry: Entry): void {
  entries.set(request, entry);
}

/** @throws NotProtectedError. */
export function entryOf(request: object): Entry {
  const entry = entries.get(request);
  if (!entry) throw new NotProtectedError();
  return entry;
}

export function callerOfEntry(request: object): Caller {
  return entryOf(request).permit.caller;
}

/** Checked now where it is a value, else whenever it is found. @throws InvalidDemandError. */
export function declare<R>(demand: DemandFor<R>): (request: R) => Promise<Demand | undefined> {
  if (typeof demand === 'function')
    return async (request) => {
      const found = await demand(request);
      return found === undefined ? undefined : checkDemand(found);
    };
  const fixed = checkDemand(Object.freeze({ ...demand }));
  return async () => fixed;
}

/** Whether the request is for the resource's metadata, which needs no token (RFC 9728 3.1). */
export function wantsMetadata({ metadata }: ResourceServer, { method, url }: RequestFacts): boolean {
  return method === 'GET' && pathOf(url) === metadata.path;
}

/** Node's own request, as far as it is needed. */
export interface NodeRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly rawHeaders: readonly string[];
}

/** From Node's raw fields: its `headers` hides a second `Authorization`. */
export function nodeFacts(request: NodeRequest, method: string, url: string): RequestFacts {
  return {
    method,
    url,
    authorization: joined(request.rawHeaders, 'authorization'),
    dpop: joined(request.rawHeaders, 'dpop'),
  };
}

function joined(raw: readonly string[], name: string): string | undefined {
  const values = raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}
