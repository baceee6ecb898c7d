/** Fastify 4 and 5: both are hooks. */
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

/** Fastify's request, as far as it is needed. */
export interface FastifyRequest {
  readonly method: string;
  readonly protocol: string;
  readonly host: string;
  readonly originalUrl: string;
  readonly raw: NodeRequest;
  /** Read before `preHandler`. */
  readonly body: unknown;
  readonly params: unknown;
  readonly query: unknown;
}

export interface FastifyReply {
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: unknown): unknown;
}

/** Lets in who has a valid token for this API; serves the resource's metadata. For `addHook('onRequest', ...)`. */
export function protect(protection: Protection, surroundings: Surroundings<FastifyRequest> = {}) {
  const server = serverOf(protection);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const url = addressOf(request.protocol, request.host, request.originalUrl);
    const known = nodeFacts(request.raw, request.method, url);
    if (wantsMetadata(server, known)) {
      reply.code(200);
      return reply.send(await server.metadata.document());
    }
    const facts = await withCertificate(known, request, surroundings);
    const decision = await server.authenticate(facts);
    if (!decision.allowed) return refuse(reply, decision);
    reply.headers({ ...decision.headers });
    enter(request.raw, { server, facts, permit: decision });
    return undefined;
  };
}

/**
 * Demands a level, an age, scopes or details of a route. For `preHandler`, where the body was read.
 * @throws InvalidDemandError where it is declared.
 */
export function requireStepUp<R extends FastifyRequest>(demand: DemandFor<R>) {
  const demandFor = declare(demand);
  return async (request: NoInfer<R>, reply: FastifyReply): Promise<unknown> => {
    const { server, facts, permit } = entryOf(request.raw);
    const wanted = await demandFor(request);
    const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
    return decision.allowed ? undefined : refuse(reply, decision);
  };
}

/** Who calls. @throws NotProtectedError. */
export function callerOf(request: Pick<FastifyRequest, 'raw'>): Caller {
  return callerOfEntry(request.raw);
}

function refuse(reply: FastifyReply, { status, headers, body }: Refusal): unknown {
  reply.code(status);
  reply.headers({ ...headers });
  return reply.send(body);
}
