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
export type Check = (request: Request, demand?: DemandFor<Request>) => Promise<Permit | Response>;

/** Checks the token of a request and then, where one is given, a demand. @throws InvalidDemandError. */
export function protect(protection: Protection, surroundings: Surroundings<Request> = {}): Check {
  const server = serverOf(protection);
  return async (request, demand) => {
    const known = factsOf(request);
    if (wantsMetadata(server, known)) return Response.json(await server.metadata.document());
    const demandFor = demand && declare(demand);
    const facts = await withCertificate(known, request, surroundings);
    const permit = await server.authenticate(facts);
    if (!permit.allowed) return responseOf(permit);
    const wanted = await demandFor?.(request);
    const decision = wanted ? await server.authorize(facts, permit, wanted) : permit;
    return decision.allowed ? decision : responseOf(decision);
  };
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
