/** Enrolling authenticator apps. */
import { StileError } from '../domain/errors.ts';
import { TOTP_SEED_BYTES, totpUri } from '../domain/totp.ts';
import { type ChangeContext, mayEnrol, requireOpen } from './change-gate.ts';
import { addCredential, type EnrolmentDeps, newCredential, useCeremony } from './enrolment.ts';
import { findStep, sealSeed, seedText } from './factors/totp.ts';
import { optionalLabelOf } from './label.ts';
import type { Credential } from './ports/people.ts';

const TOTP_PURPOSE = 'totp-enrolment';
const asked = { type: 'credential_added', method: 'totp' } as const;
/** Wrong codes after which a new seed is made. */
const TOTP_TRIES = 10;

/** What an authenticator app needs. */
export interface TotpOffer {
  /** The seed in base32, without padding. */
  readonly secret: string;
  /** For the QR code. */
  readonly uri: string;
}

/** Begins enrolling an authenticator app. A reload or a second tab gets the same seed while it is pending. */
export async function beginTotp(deps: EnrolmentDeps, context: ChangeContext): Promise<TotpOffer> {
  await requireOpen(deps, context, { ...asked, gate: await mayEnrol(deps, context, 'totp') });
  const { account } = context.facts;
  const seed = await pendingSeed(deps, context);
  const secret = seedText(seed);
  return { secret, uri: totpUri({ issuer: deps.settings.name, account: account.username, secret }) };
}

async function pendingSeed(deps: EnrolmentDeps, { facts, owner }: ChangeContext): Promise<Uint8Array> {
  const now = deps.clock.now();
  const pending = await deps.ceremonies.peek(owner, TOTP_PURPOSE, now);
  if (pending && pending.accountId === facts.account.id && pending.tries < TOTP_TRIES) {
    return Buffer.from(pending.secret, 'base64url');
  }
  const secret = deps.random.token(TOTP_SEED_BYTES);
  await deps.ceremonies.begin({
    id: deps.random.id(),
    purpose: TOTP_PURPOSE,
    owner,
    accountId: facts.account.id,
    secret,
    createdAt: now,
    expiresAt: now + deps.settings.interaction.ttl,
  });
  return Buffer.from(secret, 'base64url');
}

export interface NewTotp {
  /** Digits only. */
  readonly code: string;
  /** As typed; empty: no name of its own. */
  readonly label: string;
}

/**
 * Ends enrolling an authenticator app with a code from it, which is thereby used. Throws StileError `wrong_code`,
 * `code_expired` (begin again), `invalid_label`, `step_up_required` or `enrolment_not_allowed`.
 */
export async function finishTotp(
  deps: EnrolmentDeps,
  context: ChangeContext,
  input: NewTotp,
): Promise<Credential> {
  const gate = await requireOpen(deps, context, { ...asked, gate: await mayEnrol(deps, context, 'totp') });
  const label = optionalLabelOf(input.label);
  const ceremony = await deps.ceremonies.tryOnce(context.owner, TOTP_PURPOSE, TOTP_TRIES, deps.clock.now());
  if (ceremony?.accountId !== context.facts.account.id) throw new StileError('code_expired');
  const seed = Buffer.from(ceremony.secret, 'base64url');
  const lastStep = findStep(deps, { code: input.code, seed, after: null });
  if (lastStep === undefined) throw new StileError('wrong_code');
  const base = newCredential(deps, context, { ...gate, label });
  const credential: Credential = {
    ...base,
    method: 'totp',
    sealedSeed: sealSeed(deps, seed, base.id),
    lastStep,
  };
  return addCredential(deps, context, {
    credential,
    gate,
    userVerified: false,
    consume: () => useCeremony(deps, ceremony.id, 'code_expired'),
  });
}
