/** What is kept of a sign-in or step-up that was completed: the visit, and the browser where that was wished. */
import type { KoaContextWithOIDC } from 'oidc-provider';
import { isVouched } from '../domain/risk/vouched.ts';
import type { AssessInput, Assessment, AssuranceDeps } from '../services/assurance.ts';
import { isAllFrom, visitRequest } from '../services/policy.ts';
import type { AuthTransactionStore } from '../services/ports/assurance.ts';
import type { AccountStore } from '../services/ports/people.ts';
import { type DeviceDeps, REMEMBER, renewDevice } from '../services/remembered-devices.ts';
import { isFamiliar, rememberSignIn, visitOf } from '../services/risk.ts';

export interface RememberDeps {
  readonly assurance: AssuranceDeps;
  readonly accounts: Pick<AccountStore, 'lock'>;
  readonly transactions: AuthTransactionStore;
  readonly devices: DeviceDeps;
}

interface Completing {
  readonly input: AssessInput & { readonly accountId: string };
  readonly assessment: Assessment;
}

/** Once for a transaction, however many pages its end has. Only what was completed and vouched for is familiar later. */
export async function remember(
  { assurance, accounts, devices, transactions }: RememberDeps,
  ctx: KoaContextWithOIDC,
  { input, assessment }: Completing,
): Promise<void> {
  const { accountId, sessionUid, transactionId, clientId, device } = input;
  if (!('kept' in input) || sessionUid === null) return;
  // A consent given in a session proves nobody: a stolen cookie would make its thief's browser familiar.
  if (!assessment.facts?.proofs.some(({ transaction }) => transaction === transactionId)) return;
  const id = assurance.random.id();
  if ((await transactions.keep(transactionId, 'completed', id)) !== id) return;
  const transaction = await transactions.byId(transactionId, assurance.clock.now());
  const { visit } = visitOf(assurance.risk, visitRequest(device, sessionUid));
  // What was proved in one place vouches for no other.
  const stayed = transaction !== undefined && isAllFrom(visit, transaction);
  // What was found out may be of before a change that forgets browsers: such a change and this wait for one another here.
  await accounts.lock(accountId);
  const known =
    assessment.decision?.facts.device.known === true && (await isFamiliar(assurance.risk, accountId, visit));
  const vouched = stayed && vouchedFor(transactionId, assessment, known);
  await rememberSignIn(assurance.risk, { accountId, sessionUid, visit, vouched });
  const wished = vouched && transaction?.state[REMEMBER] === true;
  const tokens = await renewDevice(devices, { accountId, sessionUid, clientId, device, wished });
  if (tokens) ctx.state['remembered'] = tokens;
}

function vouchedFor(transaction: string, { outcome, facts }: Assessment, known: boolean): boolean {
  const ids = outcome.kind === 'satisfied' ? outcome.proofIds : [];
  return isVouched({
    proofs: (facts?.proofs ?? []).filter(({ id }) => ids.includes(id)),
    transaction,
    known,
    methods: (facts?.credentials ?? []).map(({ method }) => method),
  });
}
