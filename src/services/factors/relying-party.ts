/** This server as a WebAuthn relying party. */
import { SettingsService } from '@simplewebauthn/server';
import type { Settings } from '../deps.ts';
import type { Ceremony, CeremonyStore } from '../ports/assurance.ts';
import type { Clock, Random } from '../ports/machine.ts';

/** ES256, EdDSA and RS256: what every supported runtime can verify. */
export const ALGORITHMS: readonly number[] = [-7, -8, -257];

/** Milliseconds a person has for one ceremony. */
export const CEREMONY_TIMEOUT = 300_000;

// Chains are judged by `judge.ts` under today's configuration. The library's own roots would do it here as well,
// once and for all, and fetch revocation lists over the network in the middle of a request.
for (const identifier of ['apple', 'android-key', 'android-safetynet'] as const) {
  SettingsService.setRootCertificates({ identifier, certificates: [] });
}

/** The relying party's id and the one origin it is used from. */
export function relyingParty({ issuer, factors }: Pick<Settings, 'issuer' | 'factors'>): {
  id: string;
  origin: string;
} {
  const { hostname, origin } = new URL(issuer);
  return { id: factors.passkey.rpId ?? hostname, origin };
}

/** The user handle: the account's id, which says nothing about the person (WebAuthn 14.6.1). */
export function userHandle(accountId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(accountId, 'utf8'));
}

/** Whether a returned handle, base64url, is this account's. */
export function isUserHandle(handle: string, accountId: string): boolean {
  return Buffer.from(handle, 'base64url').toString('utf8') === accountId;
}

export interface ChallengeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ceremonies: CeremonyStore;
  readonly settings: Pick<Settings, 'interaction'>;
}

export interface ChallengeFor {
  readonly owner: string;
  readonly purpose: string;
  readonly accountId: string | null;
}

/**
 * The owner's challenge, 32 random bytes in base64url. A second tab or a reload gets the one that is still open, so
 * that the first page can be used too; it is used up by the first success.
 */
export async function openChallenge(deps: ChallengeDeps, input: ChallengeFor): Promise<string> {
  const now = deps.clock.now();
  const open = await deps.ceremonies.peek(input.owner, input.purpose, now);
  if (open && isFor(open, input) && open.expiresAt - now >= CEREMONY_TIMEOUT / 1000) return open.secret;
  const secret = deps.random.token(32);
  const expiresAt = now + Math.max(deps.settings.interaction.ttl, CEREMONY_TIMEOUT / 1000);
  await deps.ceremonies.begin({ id: deps.random.id(), ...input, secret, createdAt: now, expiresAt });
  return secret;
}

function isFor(ceremony: Ceremony, { accountId }: ChallengeFor): boolean {
  return ceremony.accountId === accountId;
}

/** A challenge as the library wants it: bytes. */
export function challengeBytes(challenge: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(challenge, 'base64url'));
}
