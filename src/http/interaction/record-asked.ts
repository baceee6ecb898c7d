/** What is asked for within a new sign-in, for the audit: whoever stops there leaves what stopped them. */
import { record } from '../../services/audit.ts';
import { correlationId } from '../requests.ts';
import type { InteractionDeps, Visit } from './visit.ts';

/** Its member of a transaction's state. */
const ASKED = 'asked';

/**
 * Once for a transaction, when a known person is first asked for more, or cannot give it: of two requests one records it.
 * In a session the authorization endpoint has recorded it, and a denial is recorded with its page.
 */
export async function recordAsked(
  { services }: InteractionDeps,
  { ctx, transaction, assessment: { outcome, decision } }: Visit,
): Promise<void> {
  const { id, clientId, accountId, sessionUid, state } = transaction;
  if (!decision || sessionUid !== null || state[ASKED] !== undefined) return;
  if (outcome.kind === 'satisfied' || outcome.kind === 'denied') return;
  const mark = services.random.id();
  await services.unitOfWork.run(async () => {
    if ((await services.transactions.keep(id, ASKED, mark)) !== mark) return;
    await record(services, {
      type: 'decision',
      outcome: outcome.kind === 'unmet' ? 'denied' : 'success',
      accountId,
      clientId,
      sessionUid,
      correlationId: correlationId(ctx),
      data: { decision },
    });
  });
}
