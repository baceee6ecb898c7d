/** A person's sessions: which devices, and ending them. */
import type { AuditData } from '../domain/events.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import { type DeviceName, deviceName } from './device-name.ts';
import { type ForgetDeps, forgetBrowsers } from './forget-browsers.ts';

export type SessionDeps = Pick<Deps, 'clock' | 'random' | 'unitOfWork' | 'sessions' | 'records' | 'audit'> &
  ForgetDeps;

/** Who acts, and from which session. */
export interface SessionContext {
  readonly accountId: string;
  readonly sessionUid: string;
  readonly correlationId: string | null;
}

export interface DeviceSession {
  readonly uid: string;
  readonly device: DeviceName;
  readonly address: string | null;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly current: boolean;
}

/** The account's live sessions: the current one first, then the last used. */
export async function listSessions(
  deps: Pick<SessionDeps, 'clock' | 'sessions'>,
  { accountId, sessionUid }: Pick<SessionContext, 'accountId' | 'sessionUid'>,
): Promise<readonly DeviceSession[]> {
  const sessions = await deps.sessions.byAccount(accountId, deps.clock.now());
  const listed = sessions.map(({ uid, userAgent, address, createdAt, lastSeenAt }) => ({
    uid,
    device: deviceName(userAgent),
    address,
    createdAt,
    lastSeenAt,
    current: uid === sessionUid,
  }));
  return listed.sort((a, b) => Number(b.current) - Number(a.current) || b.lastSeenAt - a.lastSeenAt);
}

/** Ends one of the account's sessions; false when it has no such session. */
export function endSession(deps: SessionDeps, context: SessionContext, uid: string): Promise<boolean> {
  return deps.unitOfWork.run(async () => {
    const ended = await deps.sessions.end(uid, context.accountId);
    if (ended) await audit(deps, context, { type: 'session_ended', data: { ended: uid } });
    return ended;
  });
}

/**
 * Signs out everywhere, here and offline tokens included, and forgets every browser: a stolen one is a stranger from now
 * on. With `keepCurrent` everywhere else, and browsers stay known. Returns how many sessions ended.
 */
export function endAllSessions(
  deps: SessionDeps,
  context: SessionContext,
  { keepCurrent }: { readonly keepCurrent: boolean },
): Promise<number> {
  return deps.unitOfWork.run(async () => {
    const ended = await deps.sessions.endAll(context.accountId, keepCurrent ? context.sessionUid : undefined);
    if (!keepCurrent) await forgetBrowsers(deps, context.accountId, null);
    await audit(deps, context, { type: 'session_ended', data: { all: !keepCurrent, count: ended } });
    return ended;
  });
}

/** Rule 8: ends elevated access, deleting the session's step-up proofs and every record on them, and nothing else. */
export function endElevation(deps: SessionDeps, context: SessionContext): Promise<number> {
  return deps.unitOfWork.run(async () => {
    const ended = await deps.records.endElevation(context.sessionUid);
    await audit(deps, context, { type: 'elevation_ended', data: { count: ended } });
    return ended;
  });
}

type Ended = {
  [T in 'session_ended' | 'elevation_ended']: { readonly type: T; readonly data: AuditData[T] };
}['session_ended' | 'elevation_ended'];

async function audit(deps: SessionDeps, context: SessionContext, ended: Ended): Promise<void> {
  const { accountId, sessionUid, correlationId } = context;
  await record(deps, { accountId, sessionUid, correlationId, ...ended, outcome: 'success' });
}
