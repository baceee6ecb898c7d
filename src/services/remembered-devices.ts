/**
 * Browsers a person asked to be remembered. A cookie carries a secret for each of the people who use the browser; it is
 * replaced at every sign-in that brings it, so that a copy shows itself. It lifts signals about the device and nothing else:
 * no proof, no level.
 */
import { createHash } from 'node:crypto';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import { type DeviceName, deviceName } from './device-name.ts';
import type { Device } from './ports/policy.ts';
import type { RememberedDevice } from './ports/remembered-devices.ts';
import type { SessionContext } from './sessions.ts';

export type DeviceDeps = Pick<Deps, 'clock' | 'random' | 'audit' | 'unitOfWork' | 'devices'>;

/** Seconds for which a device is remembered after its last use, and for which a replaced secret of a parallel tab counts. */
const REMEMBERED_FOR = 180 * 86_400;
const GRACE = 60;
/** Member of a transaction's state: the person ticked the box. */
export const REMEMBER = 'rememberDevice';
/** People whose secrets one browser carries. */
const MOST = 5;

interface Token {
  readonly id: string;
  readonly hash: string;
  readonly text: string;
}

function tokensOf({ remembered }: Device): Token[] {
  return remembered.slice(0, MOST).flatMap((text) => {
    const [id = '', secret = '', ...rest] = text.split('.');
    return id !== '' && secret !== '' && rest.length === 0 ? [{ id, hash: hashOf(secret), text }] : [];
  });
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

interface Found {
  readonly device: RememberedDevice;
  readonly token: Token;
  /** The secret is the newest; a replaced one of a moment ago is `late`, any other was copied. */
  readonly state: 'current' | 'late' | 'copied';
}

async function find(
  deps: Pick<DeviceDeps, 'clock' | 'devices'>,
  accountId: string,
  device: Device,
): Promise<Found | undefined> {
  const tokens = tokensOf(device);
  if (tokens.length === 0) return undefined;
  const now = deps.clock.now();
  const ids = tokens.map(({ id }) => id);
  const [known] = await deps.devices.byIds(accountId, ids, now);
  const token = tokens.find(({ id }) => id === known?.id);
  return known && token ? { device: known, token, state: stateOf(known, token, now) } : undefined;
}

function stateOf({ secretHash, previousHash, rotatedAt }: RememberedDevice, { hash }: Token, now: number) {
  if (hash === secretHash) return 'current';
  return hash === previousHash && now - rotatedAt <= GRACE ? 'late' : 'copied';
}

/** Whether this person's browser brings the secret it was given. */
export async function isRemembered(
  deps: Pick<DeviceDeps, 'clock' | 'devices'>,
  accountId: string,
  device: Device,
): Promise<boolean> {
  const found = await find(deps, accountId, device);
  return found !== undefined && found.state !== 'copied';
}

export interface Completed {
  readonly accountId: string;
  readonly sessionUid: string;
  readonly clientId: string;
  readonly device: Device;
  /** The person ticked the box in this sign-in. */
  readonly wished: boolean;
}

/**
 * At the end of a sign-in: a secret that came is replaced, a wish is granted, a copy ends what it is a copy of. Returns the
 * tokens for the cookie; undefined: it stays as it is.
 */
export async function renewDevice(
  deps: DeviceDeps,
  completed: Completed,
): Promise<readonly string[] | undefined> {
  const { accountId, device, wished } = completed;
  const found = await find(deps, accountId, device);
  const others = tokensOf(device).filter(({ id }) => id !== found?.device.id);
  const kept = others.map(({ text }) => text).slice(0, MOST - 1);
  if (found?.state === 'copied') {
    await deps.devices.remove(accountId, found.device.id);
    await audit(deps, completed, { outcome: 'denied', device: found.device.id, reason: 'copied' });
  }
  if (found?.state === 'late') return undefined;
  if (found?.state === 'current') {
    const token = await replace(deps, found, device);
    return token === undefined ? undefined : [token, ...kept];
  }
  if (wished) return [await add(deps, completed), ...kept];
  return found ? kept : undefined;
}

async function replace(
  deps: DeviceDeps,
  { device: { id, secretHash } }: Found,
  { browserHash, userAgent }: Device,
): Promise<string | undefined> {
  const secret = deps.random.token(32);
  const now = deps.clock.now();
  const renewed = {
    id,
    from: secretHash,
    to: hashOf(secret),
    browserHash,
    userAgent,
    now,
    expiresAt: now + REMEMBERED_FOR,
  };
  return (await deps.devices.rotate(renewed)) ? `${id}.${secret}` : undefined;
}

async function add(deps: DeviceDeps, completed: Completed): Promise<string> {
  const { accountId, device } = completed;
  const id = deps.random.id();
  const secret = deps.random.token(32);
  const now = deps.clock.now();
  await deps.devices.add({
    id,
    accountId,
    secretHash: hashOf(secret),
    browserHash: device.browserHash,
    userAgent: device.userAgent,
    createdAt: now,
    expiresAt: now + REMEMBERED_FOR,
  });
  await audit(deps, completed, { outcome: 'success', device: id });
  return `${id}.${secret}`;
}

interface Happened {
  readonly outcome: 'success' | 'denied';
  readonly device: string;
  readonly reason?: string;
}

async function audit(
  deps: DeviceDeps,
  { accountId, sessionUid, clientId }: Completed,
  { outcome, ...data }: Happened,
): Promise<void> {
  await record(deps, { type: 'device_remembered', outcome, accountId, sessionUid, clientId, data });
}

export interface ListedDevice {
  readonly id: string;
  readonly device: DeviceName;
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

/** The account's remembered browsers, the last used first. */
export async function listDevices(
  deps: Pick<DeviceDeps, 'clock' | 'devices'>,
  accountId: string,
): Promise<readonly ListedDevice[]> {
  const devices = await deps.devices.byAccount(accountId, deps.clock.now());
  return devices.map(({ id, userAgent, createdAt, lastUsedAt }) => ({
    id,
    device: deviceName(userAgent),
    createdAt,
    lastUsedAt,
  }));
}

/** Forgets one; false when the account has no such device. */
export function forgetDevice(deps: DeviceDeps, context: SessionContext, id: string): Promise<boolean> {
  return deps.unitOfWork.run(async () => {
    const forgotten = await deps.devices.remove(context.accountId, id);
    if (forgotten)
      await record(deps, { ...context, type: 'device_forgotten', outcome: 'success', data: { device: id } });
    return forgotten;
  });
}
