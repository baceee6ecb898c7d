/**
 * Audit events as the Open Cybersecurity Schema Framework has them, version 1.8.0: Account Change (3001), Authentication (3002),
 * Authorize Session (3003) and Entity Management (3004). What has no place in a class is under `unmapped`.
 */
import type { StoredEvent } from './audit-chain.ts';
import type { AuditType } from './events.ts';

export const OCSF_VERSION = '1.8.0';

const IAM = 3;
const OTHER = 99;

interface Activity {
  /** Of `class_uid`: category times 1000 and the class's own number. */
  readonly classUid: number;
  readonly className: string;
  readonly id: number;
  readonly name: string;
}

const account = (id: number, name: string): Activity => ({
  classUid: 3001,
  className: 'Account Change',
  id,
  name,
});
const authentication = (id: number, name: string): Activity => ({
  classUid: 3002,
  className: 'Authentication',
  id,
  name,
});
const entity = (id: number, name: string): Activity => ({
  classUid: 3004,
  className: 'Entity Management',
  id,
  name,
});
const grant: Activity = {
  classUid: 3003,
  className: 'Authorize Session',
  id: 1,
  name: 'Assign Privileges',
};

const activities: Readonly<Record<AuditType, Activity>> = {
  attempt: authentication(1, 'Logon'),
  authorization: authentication(OTHER, 'Authorization'),
  token: authentication(OTHER, 'Token Request'),
  token_reuse: authentication(OTHER, 'Token Reuse'),
  decision: authentication(OTHER, 'Policy Decision'),
  credential_added: account(10, 'MFA Factor Enable'),
  credential_changed: account(3, 'Password Change'),
  credential_renamed: account(OTHER, 'Factor Rename'),
  credential_removed: account(11, 'MFA Factor Disable'),
  account_created: account(1, 'Create'),
  account_status: account(2, 'Enable'),
  account_groups: account(OTHER, 'Groups'),
  device_remembered: authentication(OTHER, 'Device Remembered'),
  device_forgotten: authentication(OTHER, 'Device Forgotten'),
  policy_changed: entity(3, 'Update'),
  session_ended: authentication(2, 'Logoff'),
  elevation_ended: authentication(OTHER, 'Elevation End'),
  email_code_sent: authentication(6, 'Preauth'),
  admin_code_issued: account(OTHER, 'Confirmation Code'),
  client_registered: entity(1, 'Create'),
  client_removed: entity(4, 'Delete'),
  throttled: authentication(OTHER, 'Throttled'),
};

const factorTypes: Readonly<Record<string, readonly [id: number, name: string]>> = {
  password: [11, 'Password'],
  totp: [7, 'OTP'],
  passkey: [10, 'WebAuthn'],
  email: [8, 'Email'],
};

const severities = { informational: [1, 'Informational'], low: [2, 'Low'], medium: [3, 'Medium'] } as const;

type Data = Readonly<Record<string, unknown>>;

/** One OCSF event. `product` is Stile's version; `seq` its place in the chain. */
export function toOcsf(event: StoredEvent, { product, seq }: { product: string; seq: number }): object {
  const data = (typeof event.data === 'object' && event.data !== null ? event.data : {}) as Data;
  const { classUid, className, id, name } = activityOf(event, data);
  const [severityId, severity] = severityOf(event);
  const succeeded = event.outcome === 'success';
  return {
    category_uid: IAM,
    category_name: 'Identity & Access Management',
    class_uid: classUid,
    class_name: className,
    activity_id: id,
    activity_name: name,
    type_uid: classUid * 100 + id,
    type_name: `${className}: ${id === OTHER ? 'Other' : name}`,
    time: event.at * 1000,
    severity_id: severityId,
    severity,
    status_id: succeeded ? 1 : 2,
    status: succeeded ? 'Success' : 'Failure',
    ...(typeof data['error'] === 'string' ? { status_code: data['error'] } : {}),
    ...(typeof data['description'] === 'string' ? { status_detail: data['description'] } : {}),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Stile', vendor_name: 'Stile', version: product },
      uid: event.id,
      event_code: event.type,
      sequence: seq,
      ...(event.correlationId === null ? {} : { correlation_uid: event.correlationId }),
    },
    ...subjectOf(event, classUid),
    ...detailOf(event, { classUid, data }),
    unmapped: { outcome: event.outcome, ...data },
  };
}

/** What was granted says what for; a refusal grants nothing. */
function activityOf({ type, outcome }: StoredEvent, data: Data): Activity {
  if (type === 'token' && outcome === 'success' && scopesOf(data).length > 0) return grant;
  if (type === 'account_status' && data['status'] === 'disabled') return account(5, 'Disable');
  const password = data['method'] === 'password';
  if (type === 'credential_added' && password) return account(3, 'Password Change');
  if (type === 'credential_removed' && password) return account(OTHER, 'Password Removal');
  return Object.hasOwn(activities, type) ? activities[type as AuditType] : authentication(OTHER, type);
}

function severityOf({ type, outcome }: StoredEvent): readonly [number, string] {
  if (type === 'token_reuse' || type === 'throttled') return severities.medium;
  return outcome === 'success' ? severities.informational : severities.low;
}

/** A class about people has to name one: an attempt on a name that nobody has is of an unknown user. */
function subjectOf({ type, data, accountId, clientId, sessionUid }: StoredEvent, classUid: number): object {
  if (type === 'policy_changed') return { entity: { type: 'Policy', uid: policyId(data) } };
  if (classUid === 3004) return { entity: { type: 'Client', uid: clientId ?? 'unknown' } };
  return {
    user: userOf(accountId, clientId),
    ...(sessionUid === null || classUid === 3001 ? {} : { session: { uid: sessionUid } }),
    ...(clientId === null ? {} : { actor: { app_uid: clientId } }),
  };
}

function userOf(accountId: string | null, clientId: string | null): object {
  if (accountId !== null) return { uid: accountId, type_id: 1, type: 'User' };
  // Client credentials: the client is its own subject.
  if (clientId !== null) return { uid: clientId, type_id: 4, type: 'Service' };
  return { name: 'unknown', type_id: 0, type: 'Unknown' };
}

function detailOf({ clientId }: StoredEvent, { classUid, data }: { classUid: number; data: Data }): object {
  const factor = factorTypes[String(data['method'])];
  const factors = factor ? { auth_factors: [{ factor_type_id: factor[0], factor_type: factor[1] }] } : {};
  if (classUid === 3003) return { privileges: scopesOf(data) };
  if (classUid === 3001) return factors;
  if (classUid !== 3002) return {};
  return {
    ...factors,
    auth_protocol_id: 4,
    auth_protocol: 'OpenID',
    ...(clientId === null ? {} : { service: { uid: clientId } }),
  };
}

function scopesOf(data: Data): string[] {
  const { scope } = data;
  return typeof scope === 'string' ? scope.split(' ').filter((each) => each !== '') : [];
}

function policyId(data: unknown): string {
  const id = typeof data === 'object' && data !== null && 'id' in data ? data.id : undefined;
  return id === undefined ? 'unknown' : String(id);
}
