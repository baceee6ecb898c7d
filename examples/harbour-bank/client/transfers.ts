/** A transfer from the button to the receipt: send, follow the challenge, send again. */
import { type ApiResult, type BankApi, putTransfer, type Receipt } from './bank-api.ts';
import { type Challenge, sameStepUp } from './challenge.ts';
import { type Outcome, type PendingTransfer, remember, type Session } from './sessions.ts';
import { authorizationUrl, type Wanted } from './sign-in.ts';
import { currentTokens } from './tokens.ts';

/** Different demands may follow one another, as when a policy tightens meanwhile; this many, then no more. */
const MOST_CHALLENGES = 3;

/** Sends the transfer. A URL: the browser has to go there first. undefined: its `outcome` is settled. */
export async function send(
  api: BankApi,
  session: Session,
  transfer: PendingTransfer,
): Promise<URL | undefined> {
  const tokens = await currentTokens(api.signIn, session);
  if (!tokens) return renew(api, session, transfer);
  const result = await putTransfer(api, tokens, transfer);
  if (result.kind !== 'challenged') return settle(session, transfer, outcomeOf(result, session));
  const { challenge, header } = result;
  switch (challenge.kind) {
    case 'stepUp':
      return stepUp(api, session, { transfer, challenge, header });
    case 'invalidToken':
      return renew(api, session, transfer);
    case 'other':
      return settle(session, transfer, stopped('forbidden'));
  }
}

interface Challenged {
  readonly transfer: PendingTransfer;
  readonly challenge: Extract<Challenge, { kind: 'stepUp' }>;
  readonly header: string;
}

/** Follows a demand once. The same demand again means that what was proved does not serve: asking again is no help. */
async function stepUp(api: BankApi, session: Session, challenged: Challenged): Promise<URL | undefined> {
  const { transfer, challenge, header } = challenged;
  const { stepUp: wanted } = challenge;
  const repeated = transfer.challenges.some((earlier) => sameStepUp(earlier.stepUp, wanted));
  if (repeated || transfer.challenges.length >= MOST_CHALLENGES) {
    return settle(session, transfer, stopped('stillInsufficient'));
  }
  const challenges = [...transfer.challenges, { stepUp: wanted, header }];
  return wait(api, session, { transfer: { ...transfer, challenges }, wanted: { stepUp: wanted } });
}

/** The token is no longer good: one more authorization request, as at sign-in, and once only. */
async function renew(api: BankApi, session: Session, transfer: PendingTransfer): Promise<URL | undefined> {
  if (transfer.renewed) return settle(session, transfer, stopped('failed'));
  return wait(api, session, { transfer: { ...transfer, renewed: true }, wanted: {} });
}

async function wait(
  api: BankApi,
  session: Session,
  { transfer, wanted }: { transfer: PendingTransfer; wanted: Wanted },
): Promise<URL> {
  remember(session.transfers, transfer.id, { ...transfer, outcome: { kind: 'waiting' } });
  return authorizationUrl(api.signIn, session, { ...wanted, transferId: transfer.id });
}

export function settle(session: Session, transfer: PendingTransfer, outcome: Outcome): undefined {
  remember(session.transfers, transfer.id, { ...transfer, outcome });
}

/** The transfer as at the start, under its old id: whatever happened before, it is paid once. */
export function again(transfer: PendingTransfer): PendingTransfer {
  return { ...transfer, challenges: [], renewed: false, outcome: { kind: 'waiting' } };
}

function outcomeOf(result: Exclude<ApiResult<Receipt>, { kind: 'challenged' }>, session: Session): Outcome {
  switch (result.kind) {
    case 'ok': {
      const after = session.tokens?.authentication ?? { acr: undefined, amr: [], authTime: undefined };
      return { kind: 'done', after, ...result.value };
    }
    case 'rejected':
      return {
        kind: 'stopped',
        title: 'The bank did not accept the transfer',
        text: result.reason,
        retry: false,
      };
    case 'unreachable':
      return stopped('unreachable');
  }
}

const reasons = {
  access_denied: {
    title: 'You cancelled; nothing was sent',
    text: 'The confirmation was cancelled, so the transfer was not made.',
    retry: true,
  },
  unmet_authentication_requirements: {
    title: 'Your account cannot confirm this yet',
    text: 'A transfer of this size needs a way of signing in that your account does not have, and that cannot be added here. Nothing was sent.',
    retry: false,
  },
  otherPerson: {
    title: 'Somebody else answered',
    text: 'The confirmation came from another account than the one signed in here. Nothing was sent.',
    retry: true,
  },
  stillInsufficient: {
    title: 'The bank asked for the same proof again',
    text: 'You confirmed the transfer, but the bank still asks for more. Asking you again would not change that. Nothing was sent.',
    retry: false,
  },
  forbidden: {
    title: 'This application may not make transfers',
    text: 'The bank refused the request, and signing in again would not change that. Nothing was sent.',
    retry: false,
  },
  unreachable: {
    title: 'The bank does not answer',
    text: 'It is not known whether the transfer was made. You can safely try again: the same transfer is never paid twice.',
    retry: true,
  },
  failed: {
    title: 'The confirmation did not succeed',
    text: 'Something was wrong with the answer. Nothing was sent.',
    retry: true,
  },
} as const;

export type StopReason = keyof typeof reasons;

export function stopped(reason: StopReason): Outcome {
  return { kind: 'stopped', ...reasons[reason] };
}

/** What an OAuth error in the authorization response means for a transfer. */
export function stoppedBy(error: string): Outcome {
  const known = error === 'access_denied' || error === 'unmet_authentication_requirements';
  return stopped(known ? error : 'failed');
}
