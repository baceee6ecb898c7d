/** Renaming and removing factors. */

import type { RecordedDecision } from '../domain/decision.ts';
import { StileError } from '../domain/errors.ts';
import { bestLevel } from '../domain/reach.ts';
import { record } from './audit.ts';
import {
  type Asked,
  type ChangeContext,
  decisionIn,
  type GateDeps,
  mayChange,
  refuseChange,
  requireOpen,
} from './change-gate.ts';
import type { Deps } from './deps.ts';
import { type ForgetDeps, forgetBrowsers } from './forget-browsers.ts';
import { labelOf } from './label.ts';
import { notify } from './notify.ts';
import type { Credential } from './ports/people.ts';

export type ChangeDeps = GateDeps &
  Pick<
    Deps,
    | 'random'
    | 'mailer'
    | 'letters'
    | 'log'
    | 'background'
    | 'throttle'
    | 'unitOfWork'
    | 'accounts'
    | 'credentials'
    | 'audit'
  > &
  ForgetDeps;

/** Whether nobody could sign in any more without the credential. */
export function isLastFactor(
  deps: Pick<Deps, 'judge' | 'levels'>,
  credentials: readonly Credential[],
  id: string,
): boolean {
  const others = credentials.filter((credential) => credential.id !== id);
  return bestLevel(deps.levels, others.map(deps.judge)) === undefined;
}

/**
 * Removes a factor; its proofs end with it, and every record and stored token on them; every other browser is forgotten.
 * Throws StileError `credential_not_found`, `last_factor`, or `step_up_required` unless the account's best level is fresh.
 */
export async function removeCredential(deps: ChangeDeps, context: ChangeContext, id: string): Promise<void> {
  const { account, credentials } = context.facts;
  const credential = ownCredential(context, id);
  const asked: Asked = { type: 'credential_removed', method: credential.method, credential: id };
  if (isLastFactor(deps, credentials, id))
    await refuseChange(deps, context, { ...asked, error: new StileError('last_factor') });
  const gate = await requireOpen(deps, context, {
    ...asked,
    gate: await mayChange(deps, context, 'credential_removed'),
  });
  await deps.unitOfWork.run(async () => {
    if (!(await deps.credentials.remove(account.id, id))) throw new StileError('credential_not_found');
    // Two removed at once in two tabs: the second one sees what the first has left.
    await deps.accounts.lock(account.id);
    if (isLastFactor(deps, await deps.credentials.byAccount(account.id), id))
      throw new StileError('last_factor');
    await forgetBrowsers(deps, account.id, context.device.browserHash);
    await audit(deps, context, { type: 'credential_removed', credential, ...decisionIn(gate) });
  });
  await notify(deps, account, deps.letters.factorRemoved(account, credential));
}

/** Gives a factor another name. Throws StileError `credential_not_found` or `invalid_label`. */
export async function renameCredential(
  deps: ChangeDeps,
  context: ChangeContext,
  { id, label }: { readonly id: string; readonly label: string },
): Promise<void> {
  const credential = ownCredential(context, id);
  const name = labelOf(label);
  await deps.unitOfWork.run(async () => {
    if (!(await deps.credentials.rename(credential.accountId, id, name))) {
      throw new StileError('credential_not_found');
    }
    await audit(deps, context, { type: 'credential_renamed', credential });
  });
}

function ownCredential({ facts }: ChangeContext, id: string): Credential {
  const credential = facts.credentials.find((each) => each.id === id);
  if (!credential) throw new StileError('credential_not_found');
  return credential;
}

interface Change {
  readonly type: 'credential_removed' | 'credential_renamed';
  readonly credential: Credential;
  readonly decision?: RecordedDecision;
}

async function audit(
  deps: ChangeDeps,
  context: ChangeContext,
  { type, credential, ...decided }: Change,
): Promise<void> {
  await record(deps, {
    type,
    outcome: 'success',
    accountId: credential.accountId,
    clientId: context.transaction.clientId,
    sessionUid: context.sessionUid,
    correlationId: context.correlationId,
    data: { credential: credential.id, method: credential.method, ...decided },
  });
}
