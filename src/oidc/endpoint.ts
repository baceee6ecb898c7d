/**
 * The protocol endpoints as Koa middleware. An endpoint that writes more than one row is one database transaction,
 * committed before the answer leaves: a fault rolls all of it back.
 */
import type { Context, Middleware, Next } from 'koa';
import type Provider from 'oidc-provider';
import type { AuditEvent } from '../domain/events.ts';
import type { Clock, Random, Transactions } from '../services/ports/machine.ts';
import { type RequestState, requestState } from './request-state.ts';

export interface EndpointDeps {
  readonly provider: Provider;
  readonly transactions: Transactions;
  /**
   * Writes what the protocol store kept for the end of the request, and the event, in its transaction. `used`: the code
   * or refresh token had been used by somebody else. `changed`: the session or a factor is not what this request has
   * read. In both cases nothing is issued.
   */
  readonly flush: (
    memo: RequestState['memo'],
    event: AuditEvent | undefined,
  ) => Promise<'done' | 'used' | 'changed'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Has mailed what the policy wants told, once it is committed: the answer does not wait. */
  readonly tell: (notice: NonNullable<RequestState['notice']>) => void;
}

// The library's router knows no case.
const transactional = /^\/(auth|token|session\/end)(\/|$)/i;
const readOnly = /^\/token\/introspection\/?$/i;

export function protocolEndpoints(deps: EndpointDeps): Middleware {
  const sessionCookie = deps.provider.cookieName('session');
  return async (ctx, next) => {
    const state = requestState(ctx);
    const serve = () => serveOnce(deps, ctx, next);
    try {
      if (transactional.test(ctx.path) && !readOnly.test(ctx.path)) await deps.transactions.run(serve);
      else await serve();
      if (state.notice) deps.tell(state.notice);
    } catch (error) {
      ctx.remove('Set-Cookie');
      ctx.state['remembered'] = undefined;
      if (!state.changed) throw error;
      // Everything is rolled back, and the same request finds things as they are now.
      seeOther(ctx, ctx.originalUrl);
    }
    if (state.superseded) dropCookie(ctx, sessionCookie);
  };
}

async function serveOnce(deps: EndpointDeps, ctx: Context, next: Next): Promise<void> {
  await through(deps.provider.middleware as Middleware[], ctx, next);
  const state = requestState(ctx);
  if (state.failure !== undefined) throw state.failure;
  const outcome = await deps.flush(state.memo, eventOf(deps, ctx, state));
  if (outcome === 'used' && ctx.status < 400) refuseUsed(ctx);
  if (outcome !== 'changed') return;
  state.changed = true;
  throw new Error('what this request has read was changed by another');
}

function seeOther(ctx: Context, location: string): void {
  ctx.status = 303;
  ctx.set('Location', location);
  ctx.body = '';
}

/** RFC 6749, 5.2: the answer the library gives where it finds the same out earlier. */
function refuseUsed(ctx: Context): void {
  ctx.status = 400;
  ctx.body = { error: 'invalid_grant', error_description: 'grant request is invalid' };
}

async function through(middleware: readonly Middleware[], ctx: Context, next: Next): Promise<void> {
  const dispatch = async (index: number): Promise<void> => {
    const each = middleware[index];
    await (each ? each(ctx as never, () => dispatch(index + 1)) : next());
  };
  await dispatch(0);
}

function eventOf(deps: EndpointDeps, ctx: Context, { audit }: RequestState): AuditEvent | undefined {
  if (!audit) return undefined;
  return {
    id: deps.random.sortableId(),
    at: deps.clock.now(),
    correlationId: ctx.state['correlationId'] ?? null,
    data: {},
    ...audit,
  } as AuditEvent;
}

/** A late answer to an old cookie never overwrites the new one. */
function dropCookie(ctx: Context, name: string): void {
  const cookies = [ctx.response.get('Set-Cookie') ?? []].flat() as string[];
  const kept = cookies.filter(
    (cookie) => !cookie.startsWith(`${name}=`) && !cookie.startsWith(`${name}.sig=`),
  );
  if (kept.length < cookies.length) ctx.set('Set-Cookie', kept);
}
