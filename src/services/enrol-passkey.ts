/** Enrolling passkeys and security keys. */
import { StileError } from '../domain/errors.ts';
import { type ChangeContext, gateFor, mayEnrol, requireOpen } from './change-gate.ts';
import { addCredential, type EnrolmentDeps, newCredential, useCeremony } from './enrolment.ts';
import {
  type RegistrationOptions,
  registrationOptions,
  verifyRegistration,
} from './factors/passkey-registration.ts';
import { optionalLabelOf } from './label.ts';
import type { Credential } from './ports/people.ts';

const asked = { type: 'credential_added', method: 'passkey' } as const;

/** Begins registering a passkey or security key: options for `navigator.credentials.create`. */
export async function beginPasskeyEnrolment(
  deps: EnrolmentDeps,
  context: ChangeContext,
): Promise<RegistrationOptions> {
  await requireOpen(deps, context, { ...asked, gate: await mayEnrol(deps, context, 'passkey') });
  return registrationOptions(deps, context.owner, context.facts.account);
}

export interface NewPasskey {
  /** What the browser sent: RegistrationResponseJSON, not yet checked. */
  readonly response: unknown;
  /** As typed; empty: no name of its own. */
  readonly label: string;
}

/**
 * Ends registering a passkey. Throws StileError `passkey_failed`, `passkey_registered`, `invalid_label`,
 * `step_up_required` (also where the key turns out stronger than what was proved) or `enrolment_not_allowed`.
 */
export async function finishPasskeyEnrolment(
  deps: EnrolmentDeps,
  context: ChangeContext,
  input: NewPasskey,
): Promise<Credential> {
  await requireOpen(deps, context, { ...asked, gate: await mayEnrol(deps, context, 'passkey') });
  const label = optionalLabelOf(input.label);
  const { owner, facts } = context;
  const found = await verifyRegistration(deps, { owner, account: facts.account, json: input.response });
  if (!found) throw new StileError('passkey_failed');
  if (await deps.credentials.byWebauthnId(found.passkey.webauthnId))
    throw new StileError('passkey_registered');
  const unbound = newCredential(deps, context, { boundAt: null, boundBy: 'step_up', label });
  const judged = deps.judge({ ...unbound, ...found.passkey });
  const gate = await requireOpen(deps, context, { ...asked, gate: await gateFor(deps, context, judged) });
  const credential = { ...unbound, ...found.passkey, boundAt: gate.boundAt, boundBy: gate.boundBy };
  const { userVerified, ceremony } = found;
  return addCredential(deps, context, {
    credential,
    gate,
    userVerified,
    consume: () => useCeremony(deps, ceremony.id, 'passkey_failed'),
  });
}
