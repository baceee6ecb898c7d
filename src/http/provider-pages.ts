/** The pages the protocol library asks us to show: errors that cannot go to a client, and sign-out. */
import type { Context } from 'koa';
import { StileError } from '../domain/errors.ts';
import type { ProviderPages } from '../oidc/settings.ts';
import { clientView } from './client-view.ts';
import { answerError, type ErrorDeps } from './errors.ts';
import type { Form } from './forms.ts';
import { deviceLanguages } from './languages.ts';
import { allowFormsTo, neverStore } from './security.ts';
import { isSignedIn, namesNobody, stayingForm, stays } from './signing-out.ts';
import type { LogoutPage, PersonView, ViewModel } from './view-models.ts';

export interface ProviderPagesDeps {
  readonly errors: ErrorDeps;
  readonly render: (page: ViewModel, languages?: readonly string[]) => string;
  readonly person: (accountId: string) => Promise<PersonView | null>;
}

export function providerPages(deps: ProviderPagesDeps): ProviderPages {
  return {
    async error(ctx, { error, error_description: description }) {
      // A fault is answered by the HTTP layer, which also rolls back; see oidc/endpoint.
      if (error === 'server_error') return;
      if (!pageRoutes.has(ctx.oidc.route)) {
        ctx.body = description === undefined ? { error } : { error, error_description: description };
        return;
      }
      const ended = ctx.oidc.route === 'resume' && /expired|not found|mismatch/.test(description ?? '');
      const failure = new StileError(ended ? 'interaction_not_found' : 'bad_request', { detail: error });
      answerError(deps.errors, ctx as unknown as Context, failure, detailOf(error, description));
    },
    async logout(ctx, form) {
      const { client, session } = ctx.oidc;
      const accountId = session?.accountId;
      show(deps, ctx as unknown as Context, {
        page: 'logout',
        client: client ? clientView(client) : null,
        person: accountId ? await deps.person(accountId) : null,
        ...signOutForm(ctx as unknown as Context, libraryForm(form)),
      });
      allowFormsTo(ctx as unknown as Context, client?.postLogoutRedirectUris ?? []);
    },
    async loggedOut(ctx) {
      const { client, provider } = ctx.oidc;
      const context = ctx as unknown as Context;
      show(deps, context, {
        page: 'signed-out',
        client: client ? clientView(client) : null,
        stillSignedIn: await isSignedIn(provider, context),
        notSentBack: stays(context),
      });
    },
  };
}

/** Endpoints a browser visits; at the others an error is JSON whatever the program accepts. */
const pageRoutes = new Set([
  'authorization',
  'resume',
  'end_session',
  'end_session_confirm',
  'end_session_success',
]);

function detailOf(error: string, description: string | undefined): string {
  return description === undefined ? error : `${error}: ${description}`;
}

function show(deps: ProviderPagesDeps, ctx: Context, page: ViewModel): void {
  neverStore(ctx);
  ctx.status = 200;
  ctx.type = 'html';
  ctx.body = deps.render(page, deviceLanguages(ctx));
}

function signOutForm(ctx: Context, form: Form): Pick<LogoutPage, 'form' | 'notSentBack'> {
  return namesNobody(ctx) ? { form: stayingForm(form), notSentBack: true } : { form };
}

/** Where the library's own form posts to, and its hidden fields. */
function libraryForm(html: string): Form {
  const action = /action="([^"]+)"/.exec(html)?.[1];
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1];
  if (action === undefined || xsrf === undefined) throw new Error('the logout form is not as expected');
  return { action, hidden: { xsrf } };
}
