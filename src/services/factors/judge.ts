/**
 * Credentials as today's configuration sees them. A key is hardware-protected when it cannot be copied (BE=0) and its
 * attestation leads to a root that is trusted now: trust a root no more, and its keys stop counting at once.
 */
import { X509Certificate } from 'node:crypto';
import type { CredentialFacts } from '../../domain/proofs.ts';
import type { Settings } from '../deps.ts';
import type { Credential, CredentialJudge, PasskeyCredential } from '../ports/people.ts';

/** The judge for a configuration. Throws when a trusted root is not a PEM certificate. */
export function createJudge({ factors }: Pick<Settings, 'factors'>): CredentialJudge {
  const roots = factors.passkey.trustedRoots.map((pem) => new X509Certificate(pem));
  return (credential) => judge(credential, roots);
}

function judge(credential: Credential, roots: readonly X509Certificate[]): CredentialFacts {
  const { id, method, boundAt } = credential;
  if (credential.method !== 'passkey') return { id, method, boundAt };
  return {
    id,
    method,
    boundAt,
    userVerifying: credential.userVerifying,
    synced: credential.backupEligible,
    hardwareProtected: !credential.backupEligible && isAttested(credential, roots),
  };
}

function isAttested(
  { attestation, createdAt }: PasskeyCredential,
  roots: readonly X509Certificate[],
): boolean {
  if (roots.length === 0 || !attestation?.verified || attestation.chain.length === 0) return false;
  const chain = attestation.chain.map((der) => new X509Certificate(Buffer.from(der, 'base64')));
  return (
    chain.every((certificate) => isValidAt(certificate, createdAt)) &&
    isLinked(chain) &&
    isRooted(chain, roots)
  );
}

/** Valid when the statement was made; `at` in epoch seconds. */
function isValidAt({ validFrom, validTo }: X509Certificate, at: number): boolean {
  return Date.parse(validFrom) <= at * 1000 && at * 1000 <= Date.parse(validTo);
}

/** Every certificate is issued by the next one. */
function isLinked(chain: readonly X509Certificate[]): boolean {
  return chain.every((certificate, index) => {
    const issuer = chain[index + 1];
    return issuer === undefined || isIssuedBy(certificate, issuer);
  });
}

/** The last one is a trusted root or issued by one. */
function isRooted(chain: readonly X509Certificate[], roots: readonly X509Certificate[]): boolean {
  const last = chain.at(-1);
  return last !== undefined && roots.some((root) => root.raw.equals(last.raw) || isIssuedBy(last, root));
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
