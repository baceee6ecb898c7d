/**
 * The account page as a client of its own server: signing in to it, and stepping up for a change of factors, are
 * ordinary authorization requests. Its codes are never redeemed; what counts is the session they leave behind.
 */
import type { ClientMetadata as LibraryMetadata } from 'oidc-provider';
import { accountClientId } from '../config/names.ts';
import type { AccountChange, EnrolmentMethod } from '../services/change-gate.ts';
import { STILE_METADATA } from './clients.ts';

export const ACCOUNT_CLIENT = accountClientId;

/** Extra parameter by which the account page asks for a factor to be enrolled. */
export const ENROL_PARAMETER = 'stile_enrol';

/** Extra parameter by which the account page says what change it wants to make. */
export const CHANGE_PARAMETER = 'stile_change';

/** Changes that the account page makes itself, once they may be made. */
export type PageChange = Exclude<AccountChange, 'credential_added'>;

export function accountCallback(issuer: string): string {
  return new URL('/account/callback', issuer).href;
}

export function accountClient(issuer: string): LibraryMetadata {
  return {
    client_id: ACCOUNT_CLIENT,
    redirect_uris: [accountCallback(issuer)],
    post_logout_redirect_uris: [new URL('/account', issuer).href],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'none',
    [STILE_METADATA]: { firstParty: true, scopes: ['openid'] },
  } as LibraryMetadata;
}

/** The factor to be enrolled; only our own account page may ask. */
export function wantsEnrolment(params: Readonly<Record<string, unknown>>): EnrolmentMethod | undefined {
  const wanted = params['client_id'] === ACCOUNT_CLIENT ? params[ENROL_PARAMETER] : undefined;
  return wanted === 'password' || wanted === 'totp' || wanted === 'passkey' ? wanted : undefined;
}

/** The audit type of the change that our own account page is about to make; undefined: none. */
export function wantsChange(params: Readonly<Record<string, unknown>>): AccountChange | undefined {
  if (wantsEnrolment(params) !== undefined) return 'credential_added';
  const wanted = params['client_id'] === ACCOUNT_CLIENT ? params[CHANGE_PARAMETER] : undefined;
  return wanted === 'credential_removed' || wanted === 'credential_changed' ? wanted : undefined;
}
