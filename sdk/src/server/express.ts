/** Express 4 and 5. */
import {
  callerOfEntry,
  type DemandFor,
  declare,
  enter,
  entryOf,
  type NodeRequest,
  nodeFacts,
  type Protection,
  type Surroundings,
  serverOf,
  wantsMetadata,
  withCertificate,
} from './adapter.ts';
import { addressOf } from './target.ts';
import type { Caller, Refusal } from './types.ts';

export { NotProtectedError } from './adapter.ts';
export { subjectOf } from './claims.ts';

/** Express's request, as far as it is needed. */
export interface ExpressRequest extends NodeRequest {
  readonly method: string;
  readonly originalUrl: string;
  readonly protocol: string;
  /** Where a body parser ran before. */
  readonly body?: unknown;
  readonly params?: unknown;
  readonly query?: unknown;
}

export interface ExpressResponse {
  status(code: number): unknown;
  set(headers: Record<string, string>): unknown;
  json(body: unknown): unknown;
}

type Next = (error?: unknown) => void;

/** Lets in who has a valid token for this API; serves the resource's metadata. For `app.use`. */
export function protect(protection: Protection, surroundings: Surroundings<ExpressRequest> = {}) {
  const server = serverOf(protection);
  return (request: ExpressRequest, response: ExpressResponse, next: Next): void => {
    const host = request.headers['host'];
    const url = addressOf(request.protocol, typeof host === 'string' ? host : undefined, request.originalUrl);
    const known = nodeFacts(request, request.method, url);
    const run = async () => {
      if (wantsMetadata(server, known)) return void response.json(await server.metadata.document());
      const facts = await withCertificate(known, request, surroundings);
      const decision = await server.authenticate(facts);
      if (!decision.allowed) return refuse(response, decision);
      response.set({ ...decision.headers });
      enter(request, { server, facts, permit: decision });
      next();
    };
    run().catch(next);
  };
}

/** Demands a level, an age, scopes or details of a route. @throws InvalidDemandError where it is declared. */
export function requireStepUp<R extends ExpressRequest>(demand: DemandFor<R>) {
  const demandFor = declare(demand);
  return (request: R, response: ExpressResponse, next: Next): void => {
    const run = async () => {
      const { server, facts, permit } = entryOf(request);
      const wanted = await demandFor(request);
      const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
      if (!decision.allowed) return refuse(response, decision);
      next();
    };
    run().catch(next);
  };
}

/** Who calls. @throws NotProtectedError. */
export function callerOf(request: ExpressRequest): Caller {
  return callerOfEntry(request);
}

function refuse(response: ExpressResponse, { status, headers, body }: Refusal): void {
  response.status(status);
  response.set({ ...headers });
  response.json(body);
}
