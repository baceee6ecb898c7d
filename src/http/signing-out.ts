/**
 * RP-initiated sign-out without a client. OpenID Connect RP-Initiated Logout 1.0, 3: without an `id_token_hint` or a
 * `client_id` nobody says whose `post_logout_redirect_uri` it is, so nobody is sent there. The pages say so.
 */
import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Form } from './forms.ts';
import { seeOther } from './routes.ts';

/** As the library's router knows them: in any case, with or without a final slash. */
const begin = /^\/session\/end\/?$/i;
const confirm = /^\/session\/end\/confirm\/?$/i;

/** On the way from page to page: the person is not sent back. */
const STAYS = 'stays';

/** The address to go back to was given, and not whose it is. */
export function namesNobody({ query }: Pick<Context, 'query'>): boolean {
  const { post_logout_redirect_uri: back, client_id: client, id_token_hint: hint } = query;
  return typeof back === 'string' && back !== '' && !client && !hint;
}

/** The sign-out form, remembering that it leads nowhere. */
export function stayingForm({ action, hidden }: Form): Form {
  return { action: `${action}?${STAYS}=1`, hidden };
}

export function stays({ query }: Pick<Context, 'query'>): boolean {
  return query[STAYS] !== undefined;
}

/** The protocol's endpoints, with the last page told what the first one knew. */
export function withPlainSignOut(provider: Provider, serve: Middleware): Middleware {
  const last = `${provider.pathFor('end_session_success')}?${STAYS}=1`;
  return async (ctx, next) => {
    const nobodyToSignOut = ctx.method === 'GET' && begin.test(ctx.path) && namesNobody(ctx);
    if (nobodyToSignOut && !(await isSignedIn(provider, ctx))) return seeOther(ctx, last);
    await serve(ctx, next);
    if (ctx.status === 303 && confirm.test(ctx.path) && stays(ctx)) ctx.set('Location', last);
  };
}

/** Whether this browser's session is somebody's. */
export async function isSignedIn({ Session }: Pick<Provider, 'Session'>, ctx: Context): Promise<boolean> {
  return (await Session.get(ctx as never)).accountId !== undefined;
}
