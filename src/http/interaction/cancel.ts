/** The way out of every page of an interaction: `access_denied`, and why. */
import { cancelForm } from '../forms.ts';
import { guardForm } from '../guard.ts';
import { refuse } from './finish.ts';
import { meanwhile } from './meanwhile.ts';
import { checkForm, type InteractionDeps, type Visit } from './visit.ts';

/** Ends the request; what was staged for it is thrown away. */
export async function cancel(deps: InteractionDeps, seen: Visit): Promise<void> {
  const { after, _csrf } = await guardForm(seen.ctx, cancelForm);
  checkForm(deps, seen, _csrf);
  const another = (await meanwhile(deps, seen)) === 'another';
  await refuse(deps, seen, {
    error: 'access_denied',
    error_description: another ? 'somebody else signed in in this browser' : whyOf(after),
  });
}

function whyOf(after: 'too_many_attempts' | 'denied' | undefined): string {
  if (after === 'denied') return 'refused by policy';
  return after === 'too_many_attempts' ? 'too many attempts' : 'the person cancelled';
}
