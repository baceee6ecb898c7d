/** What a challenge asks of a client: RFC 9470 3, RFC 6750 3, RFC 9449 7.1 and 9, RFC 9728 5.1. */
import { type Challenge, ChallengeError } from './challenge.ts';

/** The challenge to follow. */
export interface StepUp {
  readonly scheme: 'bearer' | 'dpop';
  /** Such as `insufficient_user_authentication`; absent: no token was found. */
  readonly error?: string;
  readonly errorDescription?: string;
  /** Any one will do, in order of preference. */
  readonly acrValues: readonly string[];
  /** Seconds. */
  readonly maxAge?: number;
  readonly scope: readonly string[];
  /** Where the protected resource's metadata is. */
  readonly resourceMetadata?: string;
  /** `acr_values`, `max_age` and `scope` letter by letter, for the authorization request. */
  readonly parameters: DemandParameters;
}

export interface DemandParameters {
  readonly acr_values?: string;
  readonly max_age?: string;
  readonly scope?: string;
}

/**
 * The one to follow among a response's challenges: a demand for authentication before one for scope, any error before
 * none, then the scheme that was used. undefined: none is for an OAuth client. Throws ChallengeError where what it
 * says is malformed.
 */
export function stepUpOf(challenges: readonly Challenge[], used?: 'bearer' | 'dpop'): StepUp | undefined {
  const ranked = challenges
    .flatMap(({ scheme, parameters }) => (isOurs(scheme) ? [{ scheme, parameters }] : []))
    .map((each) => ({ ...each, rank: rankOf(each.parameters.get('error'), each.scheme === used) }))
    .sort((a, b) => a.rank - b.rank);
  const [found] = ranked;
  return found && readStepUp(found.scheme, found.parameters);
}

function isOurs(scheme: string): scheme is 'bearer' | 'dpop' {
  return scheme === 'bearer' || scheme === 'dpop';
}

function rankOf(error: string | undefined, used: boolean): number {
  const known = ['insufficient_user_authentication', 'insufficient_scope'].indexOf(error ?? '');
  const kind = error === undefined ? 3 : known < 0 ? 2 : known;
  return kind * 2 + (used ? 0 : 1);
}

function readStepUp(scheme: 'bearer' | 'dpop', found: ReadonlyMap<string, string>): StepUp {
  const [error, maxAge] = [found.get('error'), found.get('max_age')];
  const [acrValues, scope] = [wordsOf(found, 'acr_values'), wordsOf(found, 'scope')];
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) throw new ChallengeError('max_age is not seconds');
  if (error === 'insufficient_user_authentication' && acrValues.length === 0 && maxAge === undefined)
    throw new ChallengeError('The challenge demands neither acr_values nor max_age');
  return {
    scheme,
    ...optional('error', error),
    ...optional('errorDescription', found.get('error_description')),
    acrValues,
    ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
    scope,
    ...optional('resourceMetadata', found.get('resource_metadata')),
    parameters: {
      ...(acrValues.length > 0 ? optional('acr_values', found.get('acr_values')) : {}),
      ...optional('max_age', maxAge),
      ...(scope.length > 0 ? optional('scope', found.get('scope')) : {}),
    },
  };
}

function optional<K extends string>(name: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]?: string });
}

/** Values of acr_values and scope are what RFC 6749 3.3 allows: no quotes, backslashes or controls. */
const WORD = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

function wordsOf(found: ReadonlyMap<string, string>, name: string): string[] {
  const words = (found.get(name) ?? '').split(' ').filter((word) => word !== '');
  if (!words.every((word) => WORD.test(word))) throw new ChallengeError(`${name} has characters it may not`);
  return words;
}

/** A name for a demand, the same in whatever order it is written: following it twice would only ask again. */
export function demandKey({
  acrValues,
  maxAge,
  scope,
}: Pick<StepUp, 'acrValues' | 'maxAge' | 'scope'>): string {
  return JSON.stringify([[...acrValues].sort(), maxAge ?? null, [...scope].sort()]);
}

/**
 * A demand with those made before it for the same call: an API that says piece by piece what it needs would otherwise
 * be answered piece by piece, for ever. What the later one names counts; scopes add up.
 */
export function together(before: StepUp | undefined, now: StepUp): StepUp {
  if (!before) return now;
  const scope = [...new Set([...before.scope, ...now.scope])];
  const maxAge = now.maxAge ?? before.maxAge;
  return {
    ...now,
    acrValues: now.acrValues.length > 0 ? now.acrValues : before.acrValues,
    ...(maxAge === undefined ? {} : { maxAge }),
    scope,
    parameters: {
      ...before.parameters,
      ...now.parameters,
      ...(scope.length > 0 ? { scope: scope.join(' ') } : {}),
    },
  };
}
