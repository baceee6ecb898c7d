/** Landing, sign-in, its answer, sign-out. */
import { type Incoming, type Reply, redirect } from '../shared/http.ts';
import { landingPage, problemPage } from './pages.ts';
import type { SentRequest, Session, Tokens } from './sessions.ts';
import { type Answer, authorizationUrl, readAnswer, signOutUrl } from './sign-in.ts';
import { send, settle, stopped, stoppedBy } from './transfers.ts';
import { clearCookie, type Deps, findSession, frame, page, readForm, setCookie } from './web.ts';

export function landing(deps: Deps, request: Incoming): Reply {
  const session = findSession(deps, request);
  return session?.tokens ? redirect('/account') : page(landingPage(frame(deps, session)));
}

export async function signIn(deps: Deps, request: Incoming): Promise<Reply> {
  const session = findSession(deps, request) ?? deps.sessions.create();
  const url = await authorizationUrl(deps.api.signIn, session);
  return redirect(url.href, setCookie(deps, session));
}

/** Where the provider sends the browser back to, with a code or an error. */
export async function callback(deps: Deps, request: Incoming): Promise<Reply> {
  const session = findSession(deps, request);
  if (!session) return problem(deps, undefined, problems.lost);
  const answer = await readAnswer(deps.api.signIn, session, request.url.searchParams);
  if (answer.kind === 'unknownState') {
    // A reload, or the back button: whatever was to happen has happened.
    return session.tokens ? redirect('/account') : problem(deps, session, problems.lost);
  }
  const transfer = session.transfers.get(answer.sent.transferId ?? '');
  if (!transfer) return afterSignIn(deps, session, answer);
  const here = `/transfers/${transfer.id}`;
  if (answer.kind === 'refused') settle(session, transfer, stoppedBy(answer.error));
  else if (answer.kind === 'failed') settle(session, transfer, stopped('failed'));
  else if (!samePerson(answer)) settle(session, transfer, stopped('otherPerson'));
  else {
    session.tokens = answer.tokens;
    const next = await send(deps.api, session, transfer);
    return redirect(next?.href ?? here);
  }
  return redirect(here);
}

function samePerson({ sent, tokens }: { sent: SentRequest; tokens: Tokens }): boolean {
  return sent.sub === tokens.sub;
}

function afterSignIn(deps: Deps, session: Session, answer: Exclude<Answer, { kind: 'unknownState' }>): Reply {
  if (answer.kind === 'refused') {
    return problem(deps, session, answer.error === 'access_denied' ? problems.cancelled : problems.refused);
  }
  if (answer.kind === 'failed') return problem(deps, session, problems.failed);
  if (session.tokens && session.tokens.sub === answer.tokens.sub) {
    session.tokens = answer.tokens;
    return redirect('/account');
  }
  return redirect('/account', setCookie(deps, deps.sessions.replace(session, answer.tokens)));
}

export async function signOut(deps: Deps, request: Incoming): Promise<Reply> {
  const { session } = await readForm(deps, request);
  deps.sessions.end(session);
  // Signed out here whatever the provider says.
  const url = session.tokens && (await signOutUrl(deps.api.signIn, session.tokens).catch(() => undefined));
  return redirect(url?.href ?? '/', clearCookie());
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
