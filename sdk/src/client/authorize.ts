/** The authorization request that answers a demand, and its answer. */
import * as oauth from 'oauth4webapi';
import type { DemandParameters } from '../shared/step-up.ts';
import { StepUpError } from './errors.ts';
import { type Connection, withNonce } from './issuer.ts';
import { tokensOf } from './tokens.ts';
import type { ClientOptions, Pending, Tokens } from './types.ts';

export interface Sent {
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/**
 * Makes the request. `acr_values` and `max_age` go as they came, everything else is the client's own (RFC 9470 4);
 * `openid` is added, which both need. Pushed (RFC 9126) where the issuer offers it.
 */
export async function sendRequest(
  options: ClientOptions,
  connection: Connection,
  { parameters, hint }: { readonly parameters: DemandParameters; readonly hint: string | undefined },
): Promise<Sent> {
  const { server, client, dpop } = connection;
  const [state, nonce, verifier] = [
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
    oauth.generateRandomCodeVerifier(),
  ];
  const query = new URLSearchParams({
    ...options.parameters,
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: options.redirectUri,
    resource: options.resource,
    ...parameters,
    scope: scopeOf(options, parameters).join(' '),
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(hint === undefined ? {} : { id_token_hint: hint }),
    ...(dpop ? { dpop_jkt: await dpop.calculateThumbprint() } : {}),
  });
  const url = new URL(endpoint(server));
  for (const [name, value] of await pushed(options, connection, query)) url.searchParams.set(name, value);
  return { url: url.href, state, nonce, verifier };
}

/** The client's own scopes and those an API may demand; `openid` first. */
export function scopeOf(
  { scope = [], demandableScope }: Pick<ClientOptions, 'scope' | 'demandableScope'>,
  demanded: DemandParameters,
): string[] {
  // A refresh token is for the client to want: no API has any use for it.
  const may = (word: string) => demandableScope?.includes(word) ?? word !== 'offline_access';
  const more = (demanded.scope ?? '').split(' ').filter((word) => word !== '' && may(word));
  return [...new Set(['openid', ...scope, ...more])];
}

function endpoint({ authorization_endpoint: url }: oauth.AuthorizationServer): string {
  if (url === undefined) throw new StepUpError('not_configured', 'The issuer has no authorization endpoint');
  return url;
}

async function pushed(
  options: ClientOptions,
  { server, client, auth, http, dpop }: Connection,
  query: URLSearchParams,
): Promise<URLSearchParams> {
  if (options.par === false || server.pushed_authorization_request_endpoint === undefined) return query;
  const proof = dpop ? { DPoP: dpop } : {};
  const { request_uri } = await asked(() =>
    withNonce(async () => {
      const response = await oauth.pushedAuthorizationRequest(server, client, auth, query, {
        ...http,
        ...proof,
      });
      return oauth.processPushedAuthorizationResponse(server, client, response);
    }),
  );
  return new URLSearchParams({ client_id: client.client_id, request_uri });
}

/** Checks the answer (state, `iss` by RFC 9207, PKCE, nonce, the ID token, `auth_time`), and exchanges the code. */
export async function readAnswer(
  options: ClientOptions,
  connection: Connection,
  { pending, state, answer }: { readonly pending: Pending; readonly state: string; readonly answer: URL },
): Promise<Tokens> {
  const { server, client, auth, http, dpop } = connection;
  const maxAge = pending.parameters.max_age;
  const callback = await asked(
    async () => oauth.validateAuthResponse(server, client, answer, state),
    pending,
  );
  return asked(async () => {
    const result = await withNonce(async () =>
      oauth.processAuthorizationCodeResponse(
        server,
        client,
        await oauth.authorizationCodeGrantRequest(
          ...([server, client, auth, callback, pending.redirectUri, pending.verifier] as const),
          { ...http, ...(dpop ? { DPoP: dpop } : {}), additionalParameters: { resource: options.resource } },
        ),
        {
          expectedNonce: pending.nonce,
          requireIdToken: true,
          ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
        },
      ),
    );
    return tokensOf(options, result, scopeOf(options, pending.parameters));
  }, pending);
}

/** Says what an error of oauth4webapi means. */
export async function asked<T>(work: () => Promise<T>, { context }: { context?: string } = {}): Promise<T> {
  const where = context === undefined ? {} : { context };
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StepUpError) throw cause;
    if (cause instanceof oauth.AuthorizationResponseError || cause instanceof oauth.ResponseBodyError) {
      const { error, error_description: text } = cause;
      const details = { ...where, cause, error, ...(text === undefined ? {} : { errorDescription: text }) };
      throw new StepUpError('authorization_refused', `The issuer refused: ${error}`, details);
    }
    // What fetch itself throws, in any runtime: a TypeError without a code of oauth4webapi, or a timeout.
    const away = cause instanceof Error && !('code' in cause && String(cause.code).startsWith('OAUTH_'));
    const details = { ...where, cause };
    if (away) throw new StepUpError('issuer_unavailable', 'The issuer gives no answer', details);
    throw new StepUpError('invalid_response', 'The answer of the issuer does not verify', details);
  }
}
