/** Landing, sign-in, its answer, sign-out. */
import { type Finished, StepUpError } from '@stile/sdk/client';
import { type Incoming, type Reply, redirect } from '../shared/http.ts';
import { readReceipt } from './bank-api.ts';
import { landingPage, problemPage } from './pages.ts';
import type { Session } from './sessions.ts';
import { describe } from './sign-in.ts';
import { send, settle, stoppedBy } from './transfers.ts';
import { clearCookie, type Deps, findSession, frame, page, readForm, setCookie } from './web.ts';

export function landing(deps: Deps, request: Incoming): Reply {
  const session = findSession(deps, request);
  return session?.tokens ? redirect('/account') : page(landingPage(frame(deps, session)));
}

export async function signIn(deps: Deps, request: Incoming): Promise<Reply> {
  const session = findSession(deps, request) ?? deps.sessions.create();
  const { url } = await session.fetch.begin();
  return redirect(url, setCookie(deps, session));
}

/** Where the provider sends the browser back to, with a code or an error. */
export async function callback(deps: Deps, request: Incoming): Promise<Reply> {
  const session = findSession(deps, request);
  if (!session) return problem(deps, undefined, problems.lost);
  try {
    return await finish(deps, session, await session.fetch.complete(request.url));
  } catch (error) {
    if (!(error instanceof StepUpError)) throw error;
    return refused(deps, session, error);
  }
}

async function finish(deps: Deps, session: Session, { tokens, context, resume }: Finished): Promise<Reply> {
  const same = session.tokens?.sub === tokens.sub;
  if (!same) return redirect('/account', setCookie(deps, deps.sessions.replace(session, tokens)));
  session.tokens = tokens;
  const transfer = session.transfers.get(context ?? '');
  if (!transfer || !resume) return redirect('/account');
  const next = await send(session, transfer, () => readReceipt(resume));
  return redirect(next ?? `/transfers/${transfer.id}`);
}

function refused(deps: Deps, session: Session, error: StepUpError): Reply {
  const { context, error: reason } = error.details;
  // A reload, or the back button: whatever was to happen has happened.
  if (error.code === 'unknown_state')
    return session.tokens ? redirect('/account') : problem(deps, session, problems.lost);
  deps.settings.log(`The authorization was not accepted: ${describe(error)}`);
  const transfer = session.transfers.get(context ?? '');
  if (transfer) {
    settle(session, transfer, stoppedBy(error));
    return redirect(`/transfers/${transfer.id}`);
  }
  if (reason === undefined) return problem(deps, session, problems.failed);
  return problem(deps, session, reason === 'access_denied' ? problems.cancelled : problems.refused);
}

export async function signOut(deps: Deps, request: Incoming): Promise<Reply> {
  const { session } = await readForm(deps, request);
  deps.sessions.end(session);
  // Signed out here whatever the provider says.
  const url = await session.fetch.signOut(`${deps.settings.baseUrl}/`).catch(() => undefined);
  return redirect(url ?? '/', clearCookie());
}

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

const problems = {
  lost: {
    status: 400,
    title: 'This sign-in is over',
    text: 'It was already used, took too long, or was begun in another browser. Please sign in again.',
  },
  cancelled: { status: 200, title: 'You cancelled the sign-in', text: 'You are not signed in at the bank.' },
  refused: {
    status: 400,
    title: 'The sign-in was refused',
    text: 'The identity provider did not sign you in.',
  },
  failed: {
    status: 400,
    title: 'The sign-in did not succeed',
    text: 'Something was wrong with the answer, so it was not used. Please try again.',
  },
} satisfies Record<string, Problem>;

function problem(deps: Deps, session: Session | undefined, { status, ...words }: Problem): Reply {
  return page(problemPage(frame(deps, session), words), status);
}
