/** Koa 2 and 3. */
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

/** Koa's context, as far as it is needed. */
export interface KoaContext {
  readonly method: string;
  readonly protocol: string;
  readonly host: string;
  readonly originalUrl: string;
  readonly req: NodeRequest;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

type Next = () => Promise<unknown>;

/** Lets in who has a valid token for this API; serves the resource's metadata. For `app.use`. */
export function protect(protection: Protection, surroundings: Surroundings<KoaContext> = {}) {
  const server = serverOf(protection);
  return async (context: KoaContext, next: Next): Promise<void> => {
    const url = addressOf(context.protocol, context.host, context.originalUrl);
    const known = nodeFacts(context.req, context.method, url);
    if (wantsMetadata(server, known)) {
      context.body = await server.metadata.document();
      return;
    }
    const facts = await withCertificate(known, context, surroundings);
    const decision = await server.authenticate(facts);
    if (!decision.allowed) return refuse(context, decision);
    context.set({ ...decision.headers });
    enter(context.req, { server, facts, permit: decision });
    await next();
  };
}

/** Demands a level, an age, scopes or details of a route. @throws InvalidDemandError where it is declared. */
export function requireStepUp<C extends KoaContext>(demand: DemandFor<C>) {
  const demandFor = declare(demand);
  return async (context: C, next: Next): Promise<void> => {
    const { server, facts, permit } = entryOf(context.req);
    const wanted = await demandFor(context);
    const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
    if (!decision.allowed) return refuse(context, decision);
    await next();
  };
}

/** Who calls. @throws NotProtectedError. */
export function callerOf(context: Pick<KoaContext, 'req'>): Caller {
  return callerOfEntry(context.req);
}

function refuse(context: KoaContext, { status, headers, body }: Refusal): void {
  context.status = status;
  context.set({ ...headers });
  context.body = body;
}
