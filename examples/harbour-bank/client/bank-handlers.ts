/** The pages of a signed-in person: account and transfers. */
import { randomUUID } from 'node:crypto';
import type { Tokens } from '@stile/sdk/client';
import { HttpError, type Incoming, type Reply, redirect } from '../shared/http.ts';
import { formatMoney, MOST_CENTS, parseMoney } from '../shared/money.ts';
import { fetchAccount, putTransfer } from './bank-api.ts';
import { accountPage, type TransferForm, transferFormPage, transferPage } from './pages.ts';
import type { PendingTransfer, Session } from './sessions.ts';
import { again, send } from './transfers.ts';
import { type Deps, findSession, frame, page, readForm } from './web.ts';

type SignedIn = Session & { tokens: Tokens };

/** The session of a signed-in person; anybody else is sent to sign in. */
function signedIn(session: Session | undefined): session is SignedIn {
  return session?.tokens !== undefined;
}

export async function account(deps: Deps, request: Incoming): Promise<Reply> {
  const session = findSession(deps, request);
  if (!signedIn(session)) return redirect('/sign-in');
  const result = await fetchAccount(session, deps.settings.apiUrl);
  if (result.kind === 'ok') return page(accountPage(frame(deps, session), result.value, session.tokens));
  // A token refused although it is new will be refused again: asking for another would go round in circles.
  const isNew = deps.settings.now() - session.tokens.since < 30;
  if (result.kind === 'ask' && !(isNew && result.stepUp)) return redirect(result.url);
  throw new HttpError(502, 'The bank does not show your account at the moment. Please try again later.');
}

export function transferForm(deps: Deps, request: Incoming): Reply {
  const session = findSession(deps, request);
  if (!signedIn(session)) return redirect('/sign-in');
  const draft = session.transfers.get(request.url.searchParams.get('from') ?? '');
  const amount = draft ? (draft.cents / 100).toFixed(2) : '';
  const form = { id: randomUUID(), to: draft?.to ?? '', amount, faults: {} };
  return page(transferFormPage(frame(deps, session), form));
}

export async function makeTransfer(deps: Deps, request: Incoming): Promise<Reply> {
  const { session, field } = await readForm(deps, request);
  if (!signedIn(session)) return redirect('/sign-in');
  const [id, to, amount] = [field('id'), field('to'), field('amount')];
  if (!UUID.test(id)) throw new HttpError(400, 'This form is incomplete. Please open the page again.');
  const cents = parseMoney(amount);
  const form = { id, to, amount, faults: faultsOf(to, cents) };
  if (cents === undefined || Object.keys(form.faults).length > 0) {
    return page(transferFormPage(frame(deps, session), form), 422);
  }
  // The button pressed twice is one transfer; the form changed after "back" is another.
  const known = session.transfers.get(id);
  const changed = known !== undefined && (known.to !== to || known.cents !== cents);
  if (known?.outcome.kind === 'done' && !changed) return redirect(`/transfers/${id}`);
  return sendAndShow(deps, session, start({ id: changed ? randomUUID() : id, to, cents }, session));
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function faultsOf(to: string, cents: number | undefined): TransferForm['faults'] {
  return {
    ...(to.length < 1 || to.length > 60 ? { to: 'Say who receives the money, in up to 60 characters.' } : {}),
    ...(cents === undefined
      ? { amount: `Enter an amount up to ${formatMoney(MOST_CENTS)}, for example 250 or 1,250.00.` }
      : {}),
  };
}

function start(order: Pick<PendingTransfer, 'id' | 'to' | 'cents'>, { tokens }: SignedIn): PendingTransfer {
  return { ...order, before: tokens, challenges: [], outcome: { kind: 'waiting' } };
}

async function sendAndShow(deps: Deps, session: Session, transfer: PendingTransfer): Promise<Reply> {
  const next = await send(session, transfer, () => putTransfer(session, deps.settings.apiUrl, transfer));
  return redirect(next ?? `/transfers/${transfer.id}`);
}

export function showTransfer(deps: Deps, request: Incoming): Reply {
  const session = findSession(deps, request);
  if (!signedIn(session)) return redirect('/sign-in');
  return page(transferPage(frame(deps, session), findTransfer(session, request)));
}

export async function tryAgain(deps: Deps, request: Incoming): Promise<Reply> {
  const { session } = await readForm(deps, request);
  if (!signedIn(session)) return redirect('/sign-in');
  const transfer = findTransfer(session, request);
  if (transfer.outcome.kind === 'done') return redirect(`/transfers/${transfer.id}`);
  return sendAndShow(deps, session, again(transfer));
}

function findTransfer(session: Session, request: Incoming): PendingTransfer {
  const transfer = session.transfers.get(request.params['id'] ?? '');
  if (!transfer) throw new HttpError(404, 'This transfer is not known here, or no longer.');
  return transfer;
}
