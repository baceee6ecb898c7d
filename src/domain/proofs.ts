/**
 * Proofs: what was proved, how and when. Everything else about assurance is derived from them.
 *
 * A proof is recorded when, and only when, an attempt succeeds. Whether a key is hardware-protected is not part
 * of a proof: it is derived at evaluation from the credential as it stands then.
 */

/** How something was proved. An administrator's code only confirms an enrolment: it is in no level and in no amr. */
export type Method = 'password' | 'totp' | 'passkey' | 'email' | 'admin_code' | 'recovery' | 'federated';

/**
 * What sort of factor a proof is evidence of. `verification` is the second, unnamed kind that user verification
 * adds to a passkey: the authenticator does not say whether it was a PIN or a finger. `external` is an upstream
 * provider's word; it combines with a local possession proof only.
 */
export type Kind = 'knowledge' | 'possession' | 'verification' | 'external';

/** Facts about the upstream authentication behind a federated proof. */
export interface Upstream {
  readonly issuer: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
}

/** One success. `at` is in whole epoch seconds; null means its age is unknown, so it is never fresh. */
export interface Proof {
  /** Sortable by creation: a later proof has a higher id. */
  readonly id: string;
  readonly method: Method;
  readonly at: number | null;
  readonly credentialId?: string;
  readonly kinds: readonly Kind[];
  readonly phishingResistant: boolean;
  readonly userVerified: boolean;
  /** The authentication transaction in which it was made (an interaction's `cid`). */
  readonly transaction: string;
  /** Set for a proof added by a step-up: `perClient` levels count it for this client only. */
  readonly forClient?: string;
  readonly upstream?: Upstream;
}

/** What evaluation needs to know of an enrolled credential. */
export interface CredentialFacts {
  readonly id: string;
  readonly method: Method;
  /** Lowest of the level proved at enrolment and the `boundAt` of what proved it; null: no level was proved. */
  readonly boundAt: string | null;
  /** Passkeys: the authenticator has verified its user at least once, so it can be asked to. */
  readonly userVerifying?: boolean;
  /** Passkeys: BE=0 and attestation trusted under today's configuration. */
  readonly hardwareProtected?: boolean;
  /** Passkeys: the key may be copied to other devices (backup eligible). */
  readonly synced?: boolean;
}

/** A key in attested hardware that never leaves it, by today's facts. */
export function isHardware(credential: CredentialFacts | undefined): boolean {
  return credential?.hardwareProtected === true && credential.synced !== true;
}

/** The shape of the proof that a success with `method` records. */
export interface ProofShape {
  readonly method: Method;
  readonly kinds: readonly Kind[];
  readonly phishingResistant: boolean;
  readonly userVerified: boolean;
}

/** The kinds and properties a method's success is evidence of. */
export function proofShape(method: Method, userVerified = false): ProofShape {
  const passkey = method === 'passkey';
  return {
    method,
    kinds: kindsOf(method, userVerified),
    phishingResistant: passkey,
    userVerified: passkey && userVerified,
  };
}

function kindsOf(method: Method, userVerified: boolean): readonly Kind[] {
  switch (method) {
    case 'password':
      return ['knowledge'];
    case 'totp':
      return ['possession'];
    case 'passkey':
      return userVerified ? ['possession', 'verification'] : ['possession'];
    case 'federated':
      return ['external'];
    case 'email':
    case 'admin_code':
    case 'recovery':
      return [];
  }
}

/**
 * Authentication method references for a set of proofs (RFC 8176; `pop` from OpenID EAP). Email and recovery
 * codes have no registered value: the private `urn:stile:amr:email` and `urn:stile:amr:recovery` are used.
 * `mfa` is added when two different kinds were proved, where an upstream's word combines with possession only.
 * Upstream amr is kept apart.
 */
export function amrOf(proofs: readonly Proof[], credentials: readonly CredentialFacts[] = []): string[] {
  const values = new Set(proofs.flatMap((proof) => methodAmr(proof, credentials)));
  const kinds = new Set(proofs.flatMap((proof) => proof.kinds));
  if (kinds.size >= 2 && (!kinds.has('external') || kinds.has('possession'))) values.add('mfa');
  return [...values].sort();
}

function methodAmr(proof: Proof, credentials: readonly CredentialFacts[]): string[] {
  switch (proof.method) {
    case 'password':
      return ['pwd'];
    case 'totp':
      return ['otp'];
    case 'passkey': {
      const credential = credentials.find(({ id }) => id === proof.credentialId);
      // Presence is required by every ceremony this server verifies, so `user` is always true of it.
      return [isHardware(credential) ? 'hwk' : 'pop', 'user'];
    }
    case 'email':
      return ['urn:stile:amr:email'];
    case 'admin_code':
      return [];
    case 'recovery':
      return ['urn:stile:amr:recovery'];
    case 'federated':
      return ['urn:stile:amr:federated'];
  }
}
