/** Hono 4, on any runtime. */
import {
  callerOfEntry,
  type DemandFor,
  declare,
  enter,
  entryOf,
  type Protection,
  type Surroundings,
  serverOf,
  wantsMetadata,
  withCertificate,
} from './adapter.ts';
import { factsOf, responseOf } from './fetch.ts';
import type { Caller } from './types.ts';

export { NotProtectedError } from './adapter.ts';
export { subjectOf } from './claims.ts';

/** Hono's context, as far as it is needed. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  header(name: string, value?: string): void;
}

type Next = () => Promise<void>;

/** Lets in who has a valid token for this API; serves the resource's metadata. For `app.use`. */
export function protect(protection: Protection, surroundings: Surroundings<HonoContext> = {}) {
  const server = serverOf(protection);
  return async (context: HonoContext, next: Next): Promise<Response | undefined> => {
    const known = factsOf(context.req.raw);
    if (wantsMetadata(server, known)) return Response.json(await server.metadata.document());
    const facts = await withCertificate(known, context, surroundings);
    const decision = await server.authenticate(facts);
    if (!decision.allowed) return responseOf(decision);
    for (const [name, value] of Object.entries(decision.headers)) context.header(name, value);
    enter(context.req.raw, { server, facts, permit: decision });
    await next();
    return undefined;
  };
}

/** Demands a level, an age, scopes or details of a route. @throws InvalidDemandError where it is declared. */
export function requireStepUp<C extends HonoContext>(demand: DemandFor<C>) {
  const demandFor = declare(demand);
  return async (context: C, next: Next): Promise<Response | undefined> => {
    const { server, facts, permit } = entryOf(context.req.raw);
    const wanted = await demandFor(context);
    const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
    if (!decision.allowed) return responseOf(decision);
    await next();
    return undefined;
  };
}

/** Who calls. @throws NotProtectedError. */
export function callerOf(context: Pick<HonoContext, 'req'>): Caller {
  return callerOfEntry(context.req.raw);
}
