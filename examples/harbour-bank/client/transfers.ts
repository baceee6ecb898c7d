/** A transfer from the button to the receipt: the SDK follows the challenge; here is what it means for a transfer. */
import type { StepUpError } from '@stile/sdk/client';
import type { ApiResult, Receipt } from './bank-api.ts';
import { type Outcome, type PendingTransfer, remember, type Session } from './sessions.ts';

/** Sends the transfer. A URL: the browser has to go there first. undefined: its `outcome` is settled. */
export async function send(
  session: Session,
  transfer: PendingTransfer,
  call: () => Promise<ApiResult<Receipt>>,
): Promise<string | undefined> {
  const result = await call();
  if (result.kind !== 'ask') return settle(session, transfer, outcomeOf(result, session));
  const challenges = [...transfer.challenges, ...(result.stepUp ? [result.stepUp] : [])];
  remember(session.transfers, transfer.id, { ...transfer, challenges, outcome: { kind: 'waiting' } });
  return result.url;
}

export function settle(session: Session, transfer: PendingTransfer, outcome: Outcome): undefined {
  remember(session.transfers, transfer.id, { ...transfer, outcome });
}

/** The transfer as at the start, under its old id: whatever happened before, it is paid once. */
export function again(transfer: PendingTransfer): PendingTransfer {
  return { ...transfer, challenges: [], outcome: { kind: 'waiting' } };
}

function outcomeOf(result: Exclude<ApiResult<Receipt>, { kind: 'ask' }>, session: Session): Outcome {
  switch (result.kind) {
    case 'ok': {
      return { kind: 'done', after: session.tokens ?? {}, ...result.value };
    }
    case 'insufficient': {
      const asked = result.stepUp?.error === 'insufficient_user_authentication';
      return stopped(asked ? 'stillInsufficient' : 'failed');
    }
    case 'rejected':
      if (result.status === 401 || result.status === 403) return stopped('forbidden');
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

function stopped(reason: keyof typeof reasons): Outcome {
  return { kind: 'stopped', ...reasons[reason] };
}

/** What an answer that was not accepted means for a transfer. */
export function stoppedBy({ code, details: { error } }: StepUpError): Outcome {
  if (code === 'other_subject') return stopped('otherPerson');
  const known = error === 'access_denied' || error === 'unmet_authentication_requirements';
  return stopped(known ? error : 'failed');
}
