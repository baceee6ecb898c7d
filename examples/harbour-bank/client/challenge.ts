/** Reading the step-up challenge of RFC 9470 section 3 from parsed WWW-Authenticate challenges. */
import type { WWWAuthenticateChallenge } from 'openid-client';

/** What an API asked for; at least one of the two is there. */
export interface StepUp {
  /** Any one will do, in order of preference. */
  readonly acrValues: readonly string[];
  /** Seconds. */
  readonly maxAge: number | undefined;
  /** Scopes the API says the call needs, if it does. */
  readonly scopes: readonly string[];
}

export type Challenge =
  | { readonly kind: 'stepUp'; readonly stepUp: StepUp }
  | { readonly kind: 'invalidToken' }
  | { readonly kind: 'other'; readonly error: string };

/** An acr value may hold anything a scope value may (RFC 6749 section 3.3). */
const TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** The challenge to follow among those of a response; a malformed step-up challenge is `other`. */
export function readChallenges(challenges: readonly WWWAuthenticateChallenge[]): Challenge {
  const bearer = challenges.filter(({ scheme }) => scheme === 'bearer' || scheme === 'dpop');
  const found = bearer.find(({ parameters }) => parameters.error !== undefined) ?? bearer[0];
  const parameters: Readonly<Record<string, string | undefined>> = { ...found?.parameters };
  const error = parameters['error'];
  if (error === 'insufficient_user_authentication') return readStepUp(parameters);
  if (error === 'invalid_token') return { kind: 'invalidToken' };
  return { kind: 'other', error: error ?? 'unauthorized' };
}

function readStepUp(parameters: Readonly<Record<string, string | undefined>>): Challenge {
  const malformed: Challenge = { kind: 'other', error: 'malformed_challenge' };
  const { acr_values: acr, max_age: age, scope } = parameters;
  const [acrValues, scopes] = [words(acr), words(scope)];
  if (acr === undefined && age === undefined) return malformed;
  if (age !== undefined && !/^\d{1,9}$/.test(age)) return malformed;
  if (![...acrValues, ...scopes].every((value) => TOKEN.test(value))) return malformed;
  return {
    kind: 'stepUp',
    stepUp: { acrValues, maxAge: age === undefined ? undefined : Number(age), scopes },
  };
}

function words(value: string | undefined): string[] {
  return (value ?? '').split(' ').filter(Boolean);
}

/** Whether two challenges ask for the same: following the second would only ask again. */
export function sameStepUp(a: StepUp, b: StepUp): boolean {
  const key = ({ acrValues, maxAge, scopes }: StepUp) =>
    JSON.stringify([[...acrValues].sort(), maxAge ?? null, [...scopes].sort()]);
  return key(a) === key(b);
}
