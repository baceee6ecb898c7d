/** What a caller lacks of what a route demands. */
import type { AuthorizationDetail, Demand } from '../shared/demand.ts';
import { InvalidDemandError } from './errors.ts';
import type { Implied } from './issuer.ts';
import type { Caller } from './types.ts';

/** Seconds by which an authentication may be older than demanded: between the clocks, and on the way. */
export const LEEWAY = 10;
/** Below it a token is too old before the client has it. */
const SHORTEST_AGE = 30;

export type Shortfall = 'acr' | 'age' | 'scope' | 'authorization_details';

/** @param now Epoch seconds. */
export function shortfalls(
  demand: Demand,
  caller: Caller,
  { implied, now }: { readonly implied: Implied; readonly now: number },
): readonly Shortfall[] {
  const lacks: Shortfall[] = [];
  if (demand.acr && !holds(demand.acr, caller.acr, implied)) lacks.push('acr');
  if (demand.maxAge !== undefined && !fresh(demand.maxAge, caller.authTime, now)) lacks.push('age');
  if (demand.scope?.some((scope) => !caller.scope.includes(scope))) lacks.push('scope');
  if (demand.authorizationDetails?.some((detail) => !granted(detail, caller)))
    lacks.push('authorization_details');
  return lacks;
}

function holds(wanted: readonly string[], acr: string | undefined, implied: Implied): boolean {
  if (acr === undefined) return false;
  const weaker = implied.get(acr) ?? [];
  return wanted.some((value) => value === acr || weaker.includes(value));
}

/** An authentication in the future is a fault of somebody's clock or units, and proves no freshness. */
function fresh(maxAge: number, authTime: number | undefined, now: number): boolean {
  if (authTime === undefined) return false;
  const age = now - authTime;
  return age <= maxAge + LEEWAY && age >= -LEEWAY;
}

function granted(detail: AuthorizationDetail, { authorizationDetails = [] }: Caller): boolean {
  return authorizationDetails.some((held) => covers(held, detail));
}

/** Each member is there and equal; a list holds each value that is asked for; what is held beyond that does not matter. */
function covers(held: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(held) && wanted.every((value) => held.some((other) => covers(other, value)));
  if (typeof wanted !== 'object' || wanted === null) return Object.is(held, wanted);
  if (typeof held !== 'object' || held === null || Array.isArray(held)) return false;
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(held, name) && covers(Reflect.get(held, name), value),
  );
}

const MEMBERS: readonly string[] = [
  'acr',
  'maxAge',
  'scope',
  'authorizationDetails',
] satisfies (keyof Demand)[];

/** A name that is mistyped, or a demand of nothing, must not open a route. */
function checkMembers(demand: Demand): void {
  const odd = Object.keys(demand).find((name) => !MEMBERS.includes(name));
  if (odd !== undefined) throw new InvalidDemandError(`${odd}: not one of ${MEMBERS.join(', ')}`);
  const empty = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0);
  if (Object.values(demand).every(empty))
    throw new InvalidDemandError(`one of ${MEMBERS.join(', ')} at least`);
}

function isTyped(details: unknown): boolean {
  return Array.isArray(details) && details.every((detail) => typeof detail?.type === 'string');
}

const checked = new WeakSet<Demand>();

/** What may stand in a quoted, space-separated list (RFC 6749 3.3). */
const WORD = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Call it where a route is declared; `decide` does so, too.
 * @throws InvalidDemandError for nothing, a member it does not know, a `maxAge` under 30 or not whole, an empty list, or a value with spaces or quotes.
 */
export function checkDemand(demand: Demand): Demand {
  if (checked.has(demand)) return demand;
  if (typeof demand !== 'object' || demand === null) throw new InvalidDemandError('a demand is an object');
  checkMembers(demand);
  const { maxAge, acr, scope, authorizationDetails } = demand;
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge >= SHORTEST_AGE && maxAge < 1e9))
    throw new InvalidDemandError(`maxAge: whole seconds, at least ${SHORTEST_AGE}`);
  for (const [name, list] of Object.entries({ acr, scope })) {
    if (list === undefined) continue;
    if (!Array.isArray(list) || (name === 'acr' && list.length === 0))
      throw new InvalidDemandError(`${name}: a list of values`);
    if (list.some((value) => typeof value !== 'string' || !WORD.test(value)))
      throw new InvalidDemandError(`${name}: values without spaces, quotes and backslashes`);
  }
  if (authorizationDetails !== undefined && !isTyped(authorizationDetails))
    throw new InvalidDemandError('authorizationDetails: a list, each with a type');
  if (Object.isFrozen(demand)) checked.add(demand);
  return demand;
}
