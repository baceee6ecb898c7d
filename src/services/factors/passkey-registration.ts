/** Registering passkeys and security keys (WebAuthn 7.1). Which attestation is trusted is judged later, at evaluation. */
import {
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
  type VerifiedRegistrationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import type { Ceremony } from '../ports/assurance.ts';
import type { Account, CredentialBase, PasskeyCredential } from '../ports/people.ts';
import type { PasskeyDeps } from './passkey.ts';
import {
  ALGORITHMS,
  CEREMONY_TIMEOUT,
  challengeBytes,
  openChallenge,
  relyingParty,
  userHandle,
} from './relying-party.ts';
import { isCrossOrigin, parseRegistration } from './webauthn-json.ts';

const PURPOSE = 'passkey-enrolment';

export type RegistrationOptions = PublicKeyCredentialCreationOptionsJSON;

/** Options for `navigator.credentials.create`: discoverable where the device can, none that is already registered. */
export async function registrationOptions(
  deps: PasskeyDeps,
  owner: string,
  account: Account,
): Promise<RegistrationOptions> {
  const { settings } = deps;
  const challenge = await openChallenge(deps, { owner, purpose: PURPOSE, accountId: account.id });
  const credentials = await deps.credentials.byAccount(account.id);
  return generateRegistrationOptions({
    rpName: settings.name,
    rpID: relyingParty(settings).id,
    userName: account.username,
    userDisplayName: account.name ?? account.username,
    userID: userHandle(account.id),
    challenge: challengeBytes(challenge),
    timeout: CEREMONY_TIMEOUT,
    attestationType: settings.factors.passkey.attestation,
    excludeCredentials: credentials.flatMap((one) =>
      one.method === 'passkey' ? [{ id: one.webauthnId, transports: [...one.transports] }] : [],
    ),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    supportedAlgorithmIDs: [...ALGORITHMS],
  });
}

export interface Registered {
  /** To be used up together with adding the credential. */
  readonly ceremony: Ceremony;
  readonly passkey: Omit<PasskeyCredential, keyof CredentialBase>;
  readonly userVerified: boolean;
}

/** Verifies a registration for this owner and account; undefined when it does not hold. Changes nothing. */
export async function verifyRegistration(
  deps: PasskeyDeps,
  { owner, account, json }: { owner: string; account: Account; json: unknown },
): Promise<Registered | undefined> {
  const response = parseRegistration(json);
  const ceremony = await deps.ceremonies.peek(owner, PURPOSE, deps.clock.now());
  if (!response || ceremony?.accountId !== account.id) return undefined;
  if (isCrossOrigin(response.response.clientDataJSON)) return undefined;
  const { id, origin } = relyingParty(deps.settings);
  const found = await verifyRegistrationResponse({
    response,
    expectedChallenge: ceremony.secret,
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: false,
    supportedAlgorithmIDs: [...ALGORITHMS],
  }).catch(() => undefined);
  if (!found?.verified) return undefined;
  return { ceremony, ...describe(found, response) };
}

type Verified = Extract<VerifiedRegistrationResponse, { verified: true }>;

function describe(
  { registrationInfo }: Verified,
  response: RegistrationResponseJSON,
): Omit<Registered, 'ceremony'> {
  const { credential, aaguid, fmt, userVerified } = registrationInfo;
  return {
    userVerified,
    passkey: {
      method: 'passkey',
      webauthnId: credential.id,
      publicKey: credential.publicKey,
      counter: credential.counter,
      transports: response.response.transports ?? [],
      aaguid,
      userVerifying: userVerified,
      backupEligible: registrationInfo.credentialDeviceType === 'multiDevice',
      backedUp: registrationInfo.credentialBackedUp,
      attestationFormat: fmt,
      attestation:
        fmt === 'none' ? null : { chain: chainOf(registrationInfo.attestationObject), verified: true },
    },
  };
}

/** The certificates of an attestation statement, the leaf first, as base64 DER; none for self attestation. */
function chainOf(attestationObject: Uint8Array): readonly string[] {
  const statement = decodeAttestationObject(new Uint8Array(attestationObject)).get('attStmt');
  return (statement.get('x5c') ?? []).map((certificate) => Buffer.from(certificate).toString('base64'));
}
