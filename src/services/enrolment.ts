/**
 * What every enrolment ends with (rule 6): the credential, its first proof and the audit are one transaction, and every
 * address is told. The gate is asked when an enrolment begins and again when it ends.
 */
import { type ErrorCode, StileError } from '../domain/errors.ts';
import { type Proof, proofShape } from '../domain/proofs.ts';
import { record } from './audit.ts';
import { type ChangeContext, decisionIn, type OpenGate } from './change-gate.ts';
import type { Deps } from './deps.ts';
import { notify } from './notify.ts';
import type { PolicyDeps } from './policy.ts';
import type { Credential, CredentialBase } from './ports/people.ts';

export type EnrolmentDeps = PolicyDeps &
  Pick<
    Deps,
    | 'clock'
    | 'random'
    | 'vault'
    | 'mailer'
    | 'letters'
    | 'log'
    | 'background'
    | 'throttle'
    | 'unitOfWork'
    | 'credentials'
    | 'proofs'
    | 'ceremonies'
    | 'audit'
    | 'judge'
    | 'levels'
    | 'settings'
  >;

/** What all new credentials have in common. */
export function newCredential(
  deps: EnrolmentDeps,
  { facts }: ChangeContext,
  bound: Pick<CredentialBase, 'boundAt' | 'boundBy' | 'label'>,
): CredentialBase {
  const now = deps.clock.now();
  const { boundAt, boundBy, label } = bound;
  const id = deps.random.id();
  return { id, accountId: facts.account.id, label, boundAt, boundBy, createdAt: now, lastUsedAt: now };
}

export interface Addition {
  readonly credential: Credential;
  /** Through which it is added. */
  readonly gate: OpenGate;
  readonly userVerified: boolean;
  /**
   * Uses up what the enrolment rests on, inside the transaction. An error code: somebody else was first, and nothing
   * is added.
   */
  readonly consume: () => Promise<ErrorCode | undefined>;
}

/** For `consume`: uses a ceremony up; `used` is the answer when somebody else was first. */
export async function useCeremony(
  deps: Pick<EnrolmentDeps, 'ceremonies' | 'clock'>,
  id: string,
  used: ErrorCode,
): Promise<ErrorCode | undefined> {
  return (await deps.ceremonies.consume(id, deps.clock.now())) ? undefined : used;
}

/** Adds a credential. Throws StileError with the code of its `consume`. */
export async function addCredential(
  deps: EnrolmentDeps,
  context: ChangeContext,
  addition: Addition,
): Promise<Credential> {
  const { credential, gate } = addition;
  await deps.unitOfWork.run(async () => {
    const refusal = await addition.consume();
    if (refusal) throw new StileError(refusal);
    await deps.credentials.add(credential);
    if (context.staging) await stageProof(deps, context, addition);
    await record(deps, {
      type: 'credential_added',
      outcome: 'success',
      accountId: credential.accountId,
      clientId: context.transaction.clientId,
      sessionUid: context.sessionUid,
      correlationId: context.correlationId,
      data: {
        credential: credential.id,
        method: credential.method,
        boundAt: credential.boundAt,
        boundBy: credential.boundBy,
        ...decisionIn(gate),
      },
    });
  });
  await notify(deps, context.facts.account, deps.letters.factorAdded(context.facts.account, credential));
  return credential;
}

/** Whoever just registered an authenticator has shown that they hold it; whoever chose a password, that they know it. */
async function stageProof(
  deps: EnrolmentDeps,
  { transaction }: ChangeContext,
  { credential, userVerified }: Addition,
): Promise<void> {
  const now = deps.clock.now();
  const proof: Proof = {
    ...proofShape(credential.method, userVerified),
    id: deps.random.sortableId(),
    at: now,
    credentialId: credential.id,
    transaction: transaction.id,
  };
  const expiresAt = now + deps.settings.session.absolute;
  await deps.proofs.add({ ...proof, accountId: credential.accountId, createdAt: now, expiresAt });
}
