/** The demo's mail, on a page. Never there outside the demo. */
import { deviceLanguages } from './languages.ts';
import type { Route } from './routes.ts';
import { neverStore } from './security.ts';
import type { OutboxPage, ViewModel } from './view-models.ts';

export interface OutboxDeps {
  readonly render: (page: ViewModel, languages?: readonly string[]) => string;
  readonly list: () => OutboxPage['mails'];
}

export function outboxRoutes(deps: OutboxDeps): Route[] {
  return [
    [
      'GET',
      '/outbox',
      async (ctx) => {
        neverStore(ctx);
        ctx.type = 'html';
        ctx.body = deps.render({ page: 'outbox', mails: deps.list() }, deviceLanguages(ctx));
      },
    ],
  ];
}
