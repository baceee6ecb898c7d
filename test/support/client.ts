/** A relying party on oauth4webapi: an independent library against our server. */
import * as oauth from 'oauth4webapi';
import { CALLBACK, type TestStile, WEB_SECRET } from './stile.ts';

const insecure = { [oauth.allowInsecureRequests]: true };

export interface AuthorizationRequest {
  readonly url: string;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
  readonly expires_in?: number;
  readonly claims: oauth.IDToken;
}

export interface TestClient {
  readonly server: oauth.AuthorizationServer;
  /** An authorization request with PKCE; `undefined` leaves a parameter out. */
  authorize(parameters?: Record<string, string | undefined>): Promise<AuthorizationRequest>;
  /** Exchanges the code in the redirect; validates iss, state, nonce and the ID token. */
  exchange(request: AuthorizationRequest, redirect: string): Promise<Tokens>;
  refresh(token: string, parameters?: Record<string, string>): Promise<Response>;
  introspect(token: string, as?: string): Promise<Record<string, unknown>>;
  revoke(token: string): Promise<Response>;
  token(body: Record<string, string>): Promise<Response>;
}

/** With `port`: at another server of the same issuer. */
export async function createClient(
  stile: Pick<TestStile, 'issuer'>,
  clientId = 'web',
  port?: number,
): Promise<TestClient> {
  const issuer = new URL(stile.issuer);
  const found = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const server = port === undefined ? found : atPort(found, port);
  const client: oauth.Client = { client_id: clientId };
  const authentication = clientId === 'spa' ? oauth.None() : oauth.ClientSecretBasic(WEB_SECRET);
  const basic = (id: string) => `Basic ${Buffer.from(`${id}:${WEB_SECRET}`).toString('base64')}`;
  const post = (path: string | undefined, body: Record<string, string>, as = clientId) =>
    fetch(String(path), {
      method: 'POST',
      body: new URLSearchParams(as === 'spa' ? { ...body, client_id: as } : body),
      headers: as === 'spa' ? {} : { Authorization: basic(as) },
    });
  return {
    server,
    async authorize(parameters = {}) {
      const [verifier, state, nonce] = [
        oauth.generateRandomCodeVerifier(),
        oauth.generateRandomState(),
        oauth.generateRandomNonce(),
      ];
      const query = {
        client_id: clientId,
        response_type: 'code',
        redirect_uri: CALLBACK,
        scope: 'openid',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        ...parameters,
      };
      const url = new URL(String(server.authorization_endpoint));
      for (const [name, value] of Object.entries(query))
        if (value !== undefined) url.searchParams.set(name, value);
      return { url: url.href, verifier, state, nonce };
    },
    async exchange(request, redirect) {
      const callback = oauth.validateAuthResponse(server, client, new URL(redirect), request.state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        authentication,
        callback,
        CALLBACK,
        request.verifier,
        insecure,
      );
      const result = await oauth.processAuthorizationCodeResponse(server, client, response, {
        expectedNonce: request.nonce,
        requireIdToken: true,
      });
      const claims = oauth.getValidatedIdTokenClaims(result);
      if (!claims) throw new Error('no ID token');
      return { ...result, claims } as Tokens;
    },
    refresh: (refresh_token, parameters = {}) =>
      post(server.token_endpoint, { grant_type: 'refresh_token', refresh_token, ...parameters }),
    introspect: async (token, as = clientId) =>
      (await post(server.introspection_endpoint, { token }, as)).json() as Promise<Record<string, unknown>>,
    revoke: (token) => post(server.revocation_endpoint, { token }),
    token: (body) => post(server.token_endpoint, body),
  };
}

function atPort(server: oauth.AuthorizationServer, port: number): oauth.AuthorizationServer {
  const moved = Object.entries(server).map(([name, value]) => [
    name,
    name.endsWith('_endpoint') ? String(value).replace(/:\d+/, `:${port}`) : value,
  ]);
  return Object.fromEntries(moved);
}

/** Claims of a JWT, unverified: what it says. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
}
