/** Codes of an authenticator app. */
import { generateSync, ScureBase32Plugin } from 'otplib';
import type { ErrorCode } from '../../domain/errors.ts';
import { matchStep, TOTP_DIGITS, TOTP_PERIOD } from '../../domain/totp.ts';
import type { Factor, Verified } from '../attempt.ts';
import type { Deps } from '../deps.ts';
import type { TotpCredential } from '../ports/people.ts';

export type TotpDeps = Pick<Deps, 'clock' | 'credentials' | 'vault' | 'settings'>;

export interface TotpAttempt {
  readonly accountId: string | null;
  /** Digits only. */
  readonly code: string;
}

/** A code as a factor: any of the account's apps will do, and each step is accepted once. */
export function totpFactor(deps: TotpDeps, input: TotpAttempt): Factor {
  return { method: 'totp', wrong: 'wrong_code', verify: () => verify(deps, input) };
}

async function verify(deps: TotpDeps, { accountId, code }: TotpAttempt): Promise<Verified | ErrorCode> {
  if (accountId === null) return 'wrong_code';
  const credentials = await deps.credentials.byAccount(accountId);
  for (const credential of credentials) {
    if (credential.method !== 'totp') continue;
    const step = findStep(deps, { code, seed: openSeed(deps, credential), after: credential.lastStep });
    if (step !== undefined) return accepted(deps, credential, step);
  }
  return 'wrong_code';
}

function accepted(deps: TotpDeps, { id, accountId }: TotpCredential, step: number): Verified {
  return {
    accountId,
    credentialId: id,
    consume: async () =>
      (await deps.credentials.takeTotpStep(id, step, deps.clock.now())) ? undefined : 'wrong_code',
  };
}

export interface CodeCheck {
  readonly code: string;
  readonly seed: Uint8Array;
  /** The last accepted step; null: none yet. */
  readonly after: number | null;
}

/** The step within the configured window whose code this is. */
export function findStep(
  deps: Pick<TotpDeps, 'clock' | 'settings'>,
  { code, seed, after }: CodeCheck,
): number | undefined {
  const { window } = deps.settings.factors.totp;
  return matchStep({ code, now: deps.clock.now(), window, after }, (step) => codeAt(seed, step));
}

/** The code of a time step. */
export function codeAt(seed: Uint8Array, step: number): string {
  return generateSync({ secret: seed, epoch: step * TOTP_PERIOD, period: TOTP_PERIOD, digits: TOTP_DIGITS });
}

/** Seals a seed for its credential's row. */
export function sealSeed(deps: Pick<TotpDeps, 'vault'>, seed: Uint8Array, credentialId: string): string {
  return deps.vault.seal(seed, `totp:${credentialId}`).toString('base64');
}

function openSeed(deps: Pick<TotpDeps, 'vault'>, { id, sealedSeed }: TotpCredential): Uint8Array {
  return deps.vault.open(Buffer.from(sealedSeed, 'base64'), `totp:${id}`);
}

const base32 = new ScureBase32Plugin();

/** A seed as people type it into an app: base32 without padding. */
export function seedText(seed: Uint8Array): string {
  return base32.encode(seed, { padding: false });
}
