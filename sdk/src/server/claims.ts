/** The claims of a token, read as what they must be (RFC 9068 2.2, RFC 7662 2.2). */
import type { AuthorizationDetail } from '../shared/demand.ts';
import { InvalidTokenError } from './errors.ts';
import type { Caller } from './types.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** A valid token: who calls, and to what the token is bound. */
export interface Token {
  readonly caller: Caller;
  /** Thumbprint of the DPoP key (RFC 9449 6.1). */
  readonly jkt?: string;
  /** Thumbprint of the certificate (RFC 8705 3.1). */
  readonly x5t?: string;
}

/**
 * @param expiresAt Epoch seconds.
 * @throws InvalidTokenError where a claim is not what it has to be.
 */
export function readToken(claims: Claims, expiresAt: number): Token {
  const { jkt, x5t } = readBinding(claims['cnf']);
  const clientId = required(text(claims, 'client_id'), 'client_id');
  const sub = text(claims, 'sub');
  const caller: Caller = {
    // A client's own token (RFC 9068 2.2) must not be taken for a person of that name.
    ...defined('sub', sub === clientId ? undefined : sub),
    clientId,
    scope: (text(claims, 'scope') ?? '').split(' ').filter(Boolean),
    ...defined('acr', text(claims, 'acr')),
    ...defined('amr', texts(claims, 'amr')),
    ...defined('authTime', number(claims, 'auth_time')),
    ...defined('authorizationDetails', details(claims['authorization_details'])),
    expiresAt,
    binding: jkt !== undefined ? 'dpop' : x5t !== undefined ? 'mtls' : 'bearer',
    claims,
  };
  // Remembered, and handed to every request with this token.
  return deepFreeze({ caller, ...defined('jkt', jkt), ...defined('x5t', x5t) });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}

/** Who the person is. @throws InvalidTokenError where a client acts for itself: see the option `subject`. */
export function subjectOf({ sub }: Caller): string {
  if (sub === undefined) throw new InvalidTokenError('no person stands behind the token');
  return sub;
}

/** A string that is not empty, or nothing. */
export function text(claims: Claims, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || (name === 'scope' && value === '')) return undefined;
  if (typeof value !== 'string' || value === '') throw new InvalidTokenError(`${name} is not a string`);
  return value;
}

export function number(claims: Claims, name: string): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new InvalidTokenError(`${name} is not a number`);
  return value;
}

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InvalidTokenError(`${name} is missing`);
  return value;
}

function texts(claims: Claims, name: string): readonly string[] | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== 'string'))
    throw new InvalidTokenError(`${name} is not a list of strings`);
  return value;
}

function details(value: unknown): readonly AuthorizationDetail[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.some((entry) => typeof entry?.type !== 'string'))
    throw new InvalidTokenError('authorization_details is not a list of typed objects');
  return value;
}

/** A binding that is not understood is one that was not checked: such tokens are refused (RFC 7800 3.1). */
function readBinding(cnf: unknown): { jkt?: string; x5t?: string } {
  if (cnf === undefined) return {};
  if (typeof cnf !== 'object' || cnf === null) throw new InvalidTokenError('cnf is not an object');
  const members = cnf as Claims;
  const names = Object.keys(members);
  if (names.length === 0 || names.some((name) => name !== 'jkt' && name !== 'x5t#S256'))
    throw new InvalidTokenError(`cnf binds by ${names.join(', ') || 'nothing'}`);
  return { ...defined('jkt', text(members, 'jkt')), ...defined('x5t', text(members, 'x5t#S256')) };
}

function defined<K extends string, V>(name: K, value: V | undefined): { [name in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [name in K]?: V });
}
