/** Who signed in in another tab of this browser since this sign-in began. */
import { StileError } from '../../domain/errors.ts';
import { normaliseIdentifier } from '../../services/identifier.ts';
import { correlationId } from '../requests.ts';
import { resume } from './finish.ts';
import { asking, show } from './pages.ts';
import type { InteractionDeps, Visit } from './visit.ts';

/**
 * `somebody`: the session that is there now may answer the request. `another`: the person this sign-in is for, by proof or by
 * the name typed, is not the session's. A name of nobody is another's as well, so that this tells nothing about names.
 */
export async function meanwhile(
  { provider, services }: InteractionDeps,
  { ctx, transaction }: Pick<Visit, 'ctx' | 'transaction'>,
): Promise<'nobody' | 'somebody' | 'another'> {
  if (transaction.sessionUid !== null) return 'nobody';
  const { accountId } = await provider.Session.get(ctx as never);
  if (accountId === undefined) return 'nobody';
  const { identifier, pinned } = transaction;
  if (pinned || transaction.accountId !== null)
    return transaction.accountId === accountId ? 'somebody' : 'another';
  if (identifier === null) return 'somebody';
  const typed = await services.accounts.byIdentifier(normaliseIdentifier(identifier));
  return typed?.id === accountId ? 'somebody' : 'another';
}

/** Rule 7: where somebody else has signed in meanwhile, this sign-in can only be left. */
export async function unlessAnother<D extends InteractionDeps>(
  deps: D,
  seen: Visit,
  run: (deps: D, visit: Visit) => Promise<void>,
): Promise<void> {
  if (seen.interaction.result?.error) return resume(seen);
  const found = await meanwhile(deps, seen);
  if (found === 'another') return showElsewhere(deps, seen);
  // The session of another tab may answer the request by now.
  if (found === 'somebody') return resume(seen);
  await run(deps, seen);
}

/** Nothing goes on here while somebody else is signed in; the way back ends the request. */
function showElsewhere(deps: InteractionDeps, visit: Visit): void {
  const failure = new StileError('another_person');
  show(
    deps,
    visit,
    {
      page: 'error',
      code: failure.code,
      correlationId: correlationId(visit.ctx),
      ...asking(visit),
    },
    failure,
  );
}
