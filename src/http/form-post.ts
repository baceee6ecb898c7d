/**
 * `response_mode=form_post`: the answer is a page of the library's own that posts itself to the client. Its script is
 * allowed by the library; that its form may leave for the client is for us to say.
 */
import type { Context, Middleware } from 'koa';
import { formTarget } from './security.ts';

interface Answered {
  readonly params?: { readonly redirect_uri?: unknown; readonly response_mode?: unknown };
  readonly client?: { readonly redirectUris?: readonly string[] };
}

/** The protocol's endpoints, whose self-posting answers may go to the registered address they are for. */
export function withFormPost(serve: Middleware): Middleware {
  return async (ctx, next) => {
    await serve(ctx, next);
    const { params, client } = (ctx['oidc'] ?? {}) as Answered;
    const address = params?.redirect_uri;
    if (params?.response_mode !== 'form_post' || typeof address !== 'string') return;
    if (client?.redirectUris?.includes(address)) allowForm(ctx, address);
  };
}

/** Adds to the policy as it stands: the library has put the hash of its script there. */
function allowForm(ctx: Context, address: string): void {
  const target = formTarget(address);
  const policy = ctx.response.get('Content-Security-Policy');
  if (target === undefined) return;
  ctx.set('Content-Security-Policy', policy.replace("form-action 'self'", `form-action 'self' ${target}`));
}
