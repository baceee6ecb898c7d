/** The ways an interaction ends: satisfied, refused, or answered by the person. */
import { StileError } from '../../domain/errors.ts';
import { seeOther } from '../routes.ts';
import type { InteractionDeps, Visit } from './visit.ts';

/** Hands the result to the library, which resumes the authorization and re-evaluates it there. */
export async function finish(deps: InteractionDeps, { ctx, transaction }: Visit): Promise<void> {
  if (transaction.accountId === null)
    throw new StileError('internal', { detail: 'finished without an account' });
  const login = { accountId: transaction.accountId, ts: deps.services.clock.now(), remember: true };
  seeOther(ctx, await deps.provider.interactionResult(ctx.req, ctx.res, { login }));
}

/** Ends with an OAuth error that the client sees; staged proofs are thrown away. */
export async function refuse(
  deps: InteractionDeps,
  { ctx, transaction }: Visit,
  error: { readonly error: string; readonly error_description?: string },
): Promise<void> {
  const { proofs, transactions, clock } = deps.services;
  await deps.services.unitOfWork.run(async () => {
    await proofs.discard(transaction.id);
    await transactions.end(transaction.id, clock.now());
  });
  seeOther(
    ctx,
    await deps.provider.interactionResult(ctx.req, ctx.res, error, { mergeWithLastSubmission: false }),
  );
}

/** Goes on without a result: the session of another tab may answer the request by now. */
export function resume({ ctx, interaction }: Visit): void {
  seeOther(ctx, interaction.returnTo);
}
