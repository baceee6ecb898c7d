/** Which languages a request asks for, in order: `ui_locales` first (OpenID Connect Core 3.1.2.1), then the browser. */
import type { Context } from 'koa';

export function deviceLanguages(ctx: Context, uiLocales?: unknown): string[] {
  const asked = typeof uiLocales === 'string' ? uiLocales.split(' ') : [];
  const accepted = ctx.acceptsLanguages();
  return [...asked, ...(Array.isArray(accepted) ? accepted : [])].map(
    (tag) => tag.split('-')[0]?.toLowerCase() ?? '',
  );
}
