/** Anything that speaks `Request` and `Response`: Deno, Bun, workers, Node. */
import {
  type DemandFor,
  declare,
  type Protection,
  type Surroundings,
  serverOf,
  wantsMetadata,
  withCertificate,
} from './adapter.ts';
import type { Permit, Refusal, RequestFacts } from './types.ts';

/** Who calls, with the fields for the answer; or the answer itself. */
export interface Check {
  /** Checks the token of a request and, where one is given, a demand. Rejects with InvalidDemandError. */
  (request: Request, demand?: DemandFor<Request>): Promise<Permit | Response>;
  /** The same with a demand that is declared once. @throws InvalidDemandError at once, where the demand is a value. */
  requireStepUp(demand: DemandFor<Request>): (request: Request) => Promise<Permit | Response>;
}

/** The token first: what a demand is found by is nobody's business who has none. */
export function protect(protection: Protection, surroundings: Surroundings<Request> = {}): Check {
  const server = serverOf(protection);
  const run = async (request: Request, demandFor?: ReturnType<typeof declare<Request>>) => {
    const known = factsOf(request);
    if (wantsMetadata(server, known)) return Response.json(await server.metadata.document());
    const facts = await withCertificate(known, request, surroundings);
    const permit = await server.authenticate(facts);
    if (!permit.allowed) return responseOf(permit);
    const wanted = await demandFor?.(request);
    const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
    return decision.allowed ? decision : responseOf(decision);
  };
  const requireStepUp: Check['requireStepUp'] = (demand) => {
    const demandFor = declare(demand);
    return (request) => run(request, demandFor);
  };
  const check = async (request: Request, demand?: DemandFor<Request>) =>
    run(request, demand === undefined ? undefined : declare(demand));
  return Object.assign(check, { requireStepUp });
}

export function factsOf({ method, url, headers }: Request): RequestFacts {
  return {
    method,
    url,
    authorization: headers.get('authorization') ?? undefined,
    dpop: headers.get('dpop') ?? undefined,
  };
}

export function responseOf({ status, headers, body }: Refusal): Response {
  return Response.json(body, { status, headers });
}
