/** The account page: a person's factors and sessions, and what they may do with them. */
import type { Context } from 'koa';
import { StileError } from '../../domain/errors.ts';
import { enrolmentOffers, mayChange } from '../../services/change-gate.ts';
import { isLastFactor, removeCredential, renameCredential } from '../../services/credential-changes.ts';
import type { Credential } from '../../services/ports/people.ts';
import { forgetDevice, listDevices } from '../../services/remembered-devices.ts';
import { endAllSessions, endElevation, endSession, listSessions } from '../../services/sessions.ts';
import { csrfForm, emptyForm, renameForm } from '../forms.ts';
import { guardForm } from '../guard.ts';
import { type Route, seeOther } from '../routes.ts';
import type {
  AccountPage,
  FactorView,
  Notice,
  Problem,
  RememberedView,
  SessionView,
  Way,
} from '../view-models.ts';
import { PASSWORD_PAGE, passwordRoutes } from './password.ts';
import {
  type AccountDeps,
  authorize,
  changeContext,
  checkForm,
  findOwner,
  type Owner,
  passGate,
  requireOwner,
  safeReturn,
  sessionContext,
  show,
} from './session.ts';

type Params = Readonly<Record<string, string>>;

export function accountRoutes(deps: AccountDeps): Route[] {
  return [
    ['GET', '/account', (ctx) => overview(deps, ctx)],
    ['GET', '/account/callback', (ctx) => callback(ctx)],
    ['GET', '/account/add/:method', (ctx, params) => add(deps, ctx, params)],
    ...passwordRoutes(deps),
    ['POST', '/account/factors/:id/rename', (ctx, params) => rename(deps, ctx, params)],
    ['GET', '/account/factors/:id/remove', (ctx, params) => askRemoval(deps, ctx, params)],
    ['POST', '/account/factors/:id/remove', (ctx, params) => remove(deps, ctx, params)],
    ['POST', '/account/sessions/:uid/end', (ctx, params) => end(deps, ctx, params)],
    ['POST', '/account/devices/:id/forget', (ctx, params) => forget(deps, ctx, params)],
    ['POST', '/account/sessions/end-all', (ctx) => endEverywhere(deps, ctx)],
    ['POST', '/account/elevation/end', (ctx) => endElevated(deps, ctx)],
    ['POST', '/account/sign-out', (ctx) => signOut(deps, ctx)],
  ];
}

async function overview(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await findOwner(deps, ctx);
  if (!owner) return authorize(deps, ctx, { returnTo: '/account' });
  await showOverview(deps, owner);
}

async function showOverview(deps: AccountDeps, owner: Owner, failure?: StileError): Promise<void> {
  const { ctx, facts, csrf } = owner;
  const sessions = await listSessions(deps.services, sessionContext(owner));
  const remembered = await listDevices(deps.services, facts.account.id);
  const notice = noticeOf(ctx.query['notice']);
  const problem: Problem | undefined = failure && {
    code: failure.code,
    ...(failure.code === 'invalid_label' ? { field: 'label' } : {}),
  };
  const page: AccountPage = {
    page: 'account',
    person: facts.account,
    ...(problem ? { problem } : {}),
    ...(notice && !problem ? { notice } : {}),
    factors: facts.credentials.map((credential) => factorView(deps, owner, credential)),
    add: waysToAdd(deps, owner),
    sessions: sessions.map(
      (session): SessionView => ({
        device: session.device,
        address: session.address,
        startedAt: session.createdAt,
        lastSeenAt: session.lastSeenAt,
        current: session.current,
        ...(session.current ? {} : { end: csrfForm(`/account/sessions/${session.uid}/end`, csrf) }),
      }),
    ),
    remembered: remembered.map(
      ({ id, device, createdAt, lastUsedAt }): RememberedView => ({
        device,
        addedAt: createdAt,
        lastUsedAt,
        forget: csrfForm(`/account/devices/${id}/forget`, csrf),
      }),
    ),
    ...(facts.proofs.some(({ forClient }) => forClient !== undefined)
      ? { endElevation: csrfForm('/account/elevation/end', csrf) }
      : {}),
    signOutEverywhere: csrfForm('/account/sessions/end-all', csrf),
    signOut: csrfForm('/account/sign-out', csrf),
  };
  ctx.status = failure?.status ?? 200;
  show(deps, ctx, page);
}

function waysToAdd({ services }: AccountDeps, { facts }: Owner): Way[] {
  const offered = new Set(enrolmentOffers(services, facts).map(({ method }) => method));
  return [...offered].map((method): Way => ({ method, href: `/account/add/${method}` }));
}

function factorView(deps: AccountDeps, { facts, csrf }: Owner, credential: Credential): FactorView {
  const { id, method, label, createdAt, lastUsedAt } = credential;
  const judged = deps.services.judge(credential);
  return {
    id,
    method,
    label,
    addedAt: createdAt,
    lastUsedAt,
    ...(credential.method === 'passkey'
      ? { synced: credential.backedUp, hardware: judged.hardwareProtected === true }
      : {}),
    ...(method === 'password' ? { changeHref: PASSWORD_PAGE } : {}),
    rename: csrfForm(`/account/factors/${id}/rename`, csrf),
    ...(isLastFactor(deps.services, facts.credentials, id)
      ? {}
      : { removeHref: `/account/factors/${id}/remove` }),
  };
}

const notices: readonly Notice[] = [
  'factor_added',
  'password_changed',
  'factor_renamed',
  'factor_removed',
  'session_ended',
  'device_forgotten',
  'sessions_ended',
  'elevation_ended',
];

function noticeOf(value: unknown): Notice | undefined {
  return notices.find((notice) => notice === value);
}

/** Back from an authorization request of ours; its code is left to expire. */
async function callback(ctx: Context): Promise<void> {
  const { error, state } = ctx.query;
  if (error === undefined) return seeOther(ctx, safeReturn(state));
  if (error === 'access_denied') return seeOther(ctx, '/account');
  throw new StileError(
    error === 'unmet_authentication_requirements' ? 'enrolment_not_allowed' : 'step_up_required',
    { detail: String(error) },
  );
}

/** Enrolling happens inside an interaction, where proofs can be made and promoted. */
async function add(deps: AccountDeps, ctx: Context, { method }: Params): Promise<void> {
  if (method !== 'password' && method !== 'totp' && method !== 'passkey') throw new StileError('not_found');
  authorize(deps, ctx, { returnTo: '/account?notice=factor_added', enrol: method });
}

async function rename(deps: AccountDeps, ctx: Context, { id = '' }: Params): Promise<void> {
  const owner = await requireOwner(deps, ctx);
  const { label, _csrf } = await guardForm(ctx, renameForm);
  checkForm(deps, owner, _csrf);
  try {
    await renameCredential(deps.services, changeContext(owner), { id, label });
  } catch (error) {
    if (error instanceof StileError && error.code === 'invalid_label')
      return showOverview(deps, owner, error);
    throw error;
  }
  seeOther(ctx, '/account?notice=factor_renamed');
}

/** Asks first; and before that, for the account's best level, fresh. */
async function askRemoval(deps: AccountDeps, ctx: Context, { id = '' }: Params): Promise<void> {
  const here = `/account/factors/${id}/remove`;
  const owner = await findOwner(deps, ctx);
  if (!owner) return authorize(deps, ctx, { returnTo: here });
  const { facts, csrf } = owner;
  const factor = facts.credentials.find((credential) => credential.id === id);
  if (!factor) throw new StileError('credential_not_found');
  if (isLastFactor(deps.services, facts.credentials, id)) throw new StileError('last_factor');
  const change = 'credential_removed';
  const gate = await mayChange(deps.services, changeContext(owner), change);
  if (!passGate(deps, ctx, { gate, here, change })) return;
  show(deps, ctx, {
    page: 'factor-remove',
    person: facts.account,
    factor: {
      method: factor.method,
      label: factor.label,
      addedAt: factor.createdAt,
      lastUsedAt: factor.lastUsedAt,
    },
    form: csrfForm(here, csrf),
    back: '/account',
  });
}

async function remove(deps: AccountDeps, ctx: Context, { id = '' }: Params): Promise<void> {
  const owner = await requireOwner(deps, ctx);
  const { _csrf } = await guardForm(ctx, emptyForm);
  checkForm(deps, owner, _csrf);
  try {
    await removeCredential(deps.services, changeContext(owner), id);
  } catch (error) {
    // The proof grew old while the page was open: ask again, then come back to it.
    if (error instanceof StileError && error.code === 'step_up_required')
      return seeOther(ctx, `/account/factors/${id}/remove`);
    throw error;
  }
  seeOther(ctx, '/account?notice=factor_removed');
}

async function end(deps: AccountDeps, ctx: Context, { uid = '' }: Params): Promise<void> {
  const owner = await ownForm(deps, ctx);
  await endSession(deps.services, sessionContext(owner), uid);
  seeOther(ctx, '/account?notice=session_ended');
}

async function forget(deps: AccountDeps, ctx: Context, { id = '' }: Params): Promise<void> {
  const owner = await ownForm(deps, ctx);
  await forgetDevice(deps.services, sessionContext(owner), id);
  seeOther(ctx, '/account?notice=device_forgotten');
}

async function endEverywhere(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await ownForm(deps, ctx);
  await endAllSessions(deps.services, sessionContext(owner), { keepCurrent: false });
  forgetSession(deps, ctx);
  show(deps, ctx, { page: 'signed-out', client: null, href: '/account' });
}

async function endElevated(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await ownForm(deps, ctx);
  await endElevation(deps.services, sessionContext(owner));
  seeOther(ctx, '/account?notice=elevation_ended');
}

async function signOut(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await ownForm(deps, ctx);
  await endSession(deps.services, sessionContext(owner), owner.sessionUid);
  forgetSession(deps, ctx);
  show(deps, ctx, { page: 'signed-out', client: null, href: '/account' });
}

async function ownForm(deps: AccountDeps, ctx: Context): Promise<Owner> {
  const owner = await requireOwner(deps, ctx);
  const { _csrf } = await guardForm(ctx, emptyForm);
  checkForm(deps, owner, _csrf);
  return owner;
}

function forgetSession({ provider }: AccountDeps, ctx: Context): void {
  ctx.cookies.set(provider.cookieName('session'), null, { signed: true });
}
