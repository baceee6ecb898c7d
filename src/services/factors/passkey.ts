/** Passkeys and security keys (WebAuthn): proving possession. Registration is in `passkey-registration.ts`. */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  type PublicKeyCredentialRequestOptionsJSON,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Factor, Verified } from '../attempt.ts';
import type { Deps } from '../deps.ts';
import type { Ceremony } from '../ports/assurance.ts';
import type { PasskeyCredential } from '../ports/people.ts';
import {
  CEREMONY_TIMEOUT,
  challengeBytes,
  isUserHandle,
  openChallenge,
  relyingParty,
} from './relying-party.ts';
import { isCrossOrigin, parseAuthentication } from './webauthn-json.ts';

export type PasskeyDeps = Pick<Deps, 'clock' | 'random' | 'ceremonies' | 'credentials' | 'settings'>;

const PURPOSE = 'passkey';

export interface PasskeyRequest {
  /** `tx:<transaction id>` or `session:<uid>`: only there can the challenge be used. */
  readonly owner: string;
  /** Whose passkeys to ask for: an account that has proved something. Null: any discoverable one, with autofill. */
  readonly accountId: string | null;
  /** Of that account's passkeys only these; undefined: all. */
  readonly credentialIds?: readonly string[];
  readonly userVerification: 'preferred' | 'required';
}

/** Options for `navigator.credentials.get` (WebAuthn 7.2 step 1). */
export async function beginPasskey(
  deps: PasskeyDeps,
  request: PasskeyRequest,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { owner, accountId, userVerification } = request;
  // Not bound to the account: which passkey answers decides, and the attempt checks whose it is.
  const challenge = await openChallenge(deps, { owner, purpose: PURPOSE, accountId: null });
  return generateAuthenticationOptions({
    rpID: relyingParty(deps.settings).id,
    challenge: challengeBytes(challenge),
    timeout: CEREMONY_TIMEOUT,
    userVerification,
    allowCredentials: accountId === null ? [] : await allowed(deps, accountId, request.credentialIds),
  });
}

async function allowed(deps: PasskeyDeps, accountId: string, only: readonly string[] | undefined) {
  return (await deps.credentials.byAccount(accountId)).flatMap((credential) =>
    credential.method === 'passkey' && (only === undefined || only.includes(credential.id))
      ? [{ id: credential.webauthnId, transports: [...credential.transports] }]
      : [],
  );
}

export interface PasskeyAttempt {
  readonly owner: string;
  /** What the browser sent: AuthenticationResponseJSON, not yet checked. */
  readonly response: unknown;
  readonly requireUserVerification: boolean;
}

/** An assertion as a factor. Its challenge is used once; a counter that does not advance is `passkey_cloned`. */
export function passkeyFactor(deps: PasskeyDeps, input: PasskeyAttempt): Factor {
  return { method: 'passkey', wrong: 'passkey_failed', verify: () => verify(deps, input) };
}

async function verify(deps: PasskeyDeps, input: PasskeyAttempt): Promise<Verified | ErrorCode> {
  const response = parseAuthentication(input.response);
  if (!response) return 'passkey_failed';
  const ceremony = await deps.ceremonies.peek(input.owner, PURPOSE, deps.clock.now());
  const credential = ceremony && (await deps.credentials.byWebauthnId(response.id));
  if (!credential || !isItsHolder(response, credential)) return 'passkey_failed';
  const use = await assertion(deps, { ceremony, credential, response, input });
  if (!use) return 'passkey_failed';
  return {
    accountId: credential.accountId,
    credentialId: credential.id,
    userVerified: use.userVerified,
    consume: async () => {
      const now = deps.clock.now();
      if (!(await deps.ceremonies.consume(ceremony.id, now))) return 'passkey_failed';
      return (await deps.credentials.takePasskeyCounter(credential.id, use, now))
        ? undefined
        : 'passkey_cloned';
    },
  };
}

/** WebAuthn 7.2 step 6: a handle that came back names the credential's owner. */
function isItsHolder({ response }: AuthenticationResponseJSON, { accountId }: PasskeyCredential): boolean {
  if (isCrossOrigin(response.clientDataJSON)) return false;
  return response.userHandle === undefined || isUserHandle(response.userHandle, accountId);
}

interface Assertion {
  readonly ceremony: Ceremony;
  readonly credential: PasskeyCredential;
  readonly response: AuthenticationResponseJSON;
  readonly input: PasskeyAttempt;
}

async function assertion(deps: PasskeyDeps, { ceremony, credential, response, input }: Assertion) {
  const { id, origin } = relyingParty(deps.settings);
  const found = await verifyAuthenticationResponse({
    response,
    expectedChallenge: ceremony.secret,
    expectedOrigin: origin,
    expectedRPID: id,
    // The counter is judged by `takePasskeyCounter`, after the signature and in one statement.
    credential: { id: credential.webauthnId, publicKey: new Uint8Array(credential.publicKey), counter: 0 },
    requireUserVerification: input.requireUserVerification,
  }).catch(() => undefined);
  if (!found?.verified) return undefined;
  const { newCounter, userVerified, credentialBackedUp, credentialDeviceType } = found.authenticationInfo;
  // WebAuthn 7.2 step 17: backup eligibility never changes.
  if ((credentialDeviceType === 'multiDevice') !== credential.backupEligible) return undefined;
  return { counter: newCounter, userVerified, backedUp: credentialBackedUp };
}
