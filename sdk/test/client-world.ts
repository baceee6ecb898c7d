/** An issuer and an API that are a fetch function, and people who answer at once: for what a real Stile cannot be made to do. */

import type { Obtain, StepUpFetchOptions } from '@stile/sdk/client';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createStepUpFetch } from './source.mjs';

export const API = 'https://api.test';
const { privateKey, publicKey } = await generateKeyPair('RS256');
const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256', use: 'sig' };

/** `obtain: undefined`: by redirect. */
type Options = Partial<Omit<StepUpFetchOptions, 'obtain'>> & { readonly obtain?: Obtain | undefined };

export interface ClientWorld {
  /** Who is at the browser. */
  person: string;
  /** Seconds the clock is ahead. */
  ahead: number;
  /** Seconds, of access tokens. */
  lifetime: number;
  refreshTokens: boolean;
  par: boolean;
  /** The answer of the API; default 200. */
  api: (call: { readonly authorization: string; readonly request: Request }) => Response | Promise<Response>;
  /** In place of the token endpoint's answer. */
  token: (form: URLSearchParams) => Response | undefined | Promise<Response | undefined>;
  /** Over the claims of ID tokens; undefined: no ID token. */
  claims: Readonly<Record<string, unknown>> | undefined;
  /** Authorization and body of each call that reached the API. */
  readonly calls: string[];
  /** The parameters of each authorization request, however they came. */
  readonly asked: URLSearchParams[];
  /** The paths of the issuer that were called. */
  readonly paths: string[];
  readonly fetch: typeof fetch;
  /** Answers as the person; the address the browser comes back to. */
  visit(url: string, more?: Readonly<Record<string, string>>): URL;
  open(options?: Options): ReturnType<typeof createStepUpFetch>;
}

export function createClientWorld(issuer = 'https://id.test'): ClientWorld {
  const codes = new Map<string, { readonly sub: string; readonly asked: URLSearchParams }>();
  const pushed = new Map<string, URLSearchParams>();
  let made = 0;
  const now = () => Math.floor(Date.now() / 1000) + world.ahead;

  const tokens = async (sub: string, asked: URLSearchParams) => {
    made += 1;
    const claims = {
      sub,
      nonce: asked.get('nonce') ?? undefined,
      auth_time: now(),
      acr: 'mfa',
      amr: ['pwd'],
    };
    const idToken =
      world.claims &&
      (await new SignJWT({ email: `${sub}@example.com`, ...claims, ...world.claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(String(world.claims['iss'] ?? issuer))
        .setAudience('spa')
        .setIssuedAt(now())
        .setExpirationTime(now() + 300)
        .sign(privateKey));
    return Response.json({
      access_token: `at-${sub}-${made}`,
      token_type: 'Bearer',
      expires_in: world.lifetime,
      scope: asked.get('scope') ?? 'openid read',
      ...(world.refreshTokens && { refresh_token: `rt-${sub}-${made}` }),
      ...(idToken && { id_token: idToken }),
    });
  };
  const endpoints: Record<string, (form: URLSearchParams) => Response | Promise<Response>> = {
    '/.well-known/openid-configuration': () =>
      Response.json({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        end_session_endpoint: `${issuer}/end`,
        authorization_response_iss_parameter_supported: true,
        acr_values_implied: { phr: ['mfa'] },
        ...(world.par && { pushed_authorization_request_endpoint: `${issuer}/par` }),
      }),
    '/jwks': () => Response.json({ keys: [jwk] }),
    '/par': (form) => {
      made += 1;
      pushed.set(`urn:${made}`, form);
      return Response.json({ request_uri: `urn:${made}`, expires_in: 60 }, { status: 201 });
    },
    '/token': async (form) => {
      const special = await world.token(form);
      if (special) return special;
      if (form.get('grant_type') === 'refresh_token')
        return tokens(form.get('refresh_token')?.split('-')[1] ?? '', new URLSearchParams());
      const code = codes.get(form.get('code') ?? '');
      return code ? tokens(code.sub, code.asked) : Response.json({ error: 'invalid_grant' }, { status: 400 });
    },
  };
  const world: ClientWorld = {
    person: 'ada',
    ahead: 0,
    lifetime: 300,
    refreshTokens: true,
    par: false,
    api: () => Response.json('done'),
    token: () => undefined,
    claims: {},
    calls: [],
    asked: [],
    paths: [],
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (url.startsWith(issuer)) {
        const path = url.slice(issuer.length);
        world.paths.push(path);
        const body = new URLSearchParams(String(init?.body ?? ''));
        return (await endpoints[path]?.(body)) ?? new Response(null, { status: 404 });
      }
      const request = input as Request;
      const authorization = request.headers.get('authorization') ?? '';
      world.calls.push(`${authorization} ${await request.clone().text()}`.trim());
      return world.api({ authorization, request });
    },
    visit: (url, more = {}) => {
      const query = new URL(url).searchParams;
      const asked = pushed.get(query.get('request_uri') ?? '') ?? query;
      world.asked.push(asked);
      made += 1;
      codes.set(`code-${made}`, { sub: world.person, asked });
      const back = new URL(asked.get('redirect_uri') ?? '');
      const answer = { code: `code-${made}`, state: asked.get('state') ?? '', iss: issuer, ...more };
      for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
      return back;
    },
    open: (options = {}) => {
      const { obtain = async ({ url }) => world.visit(url), ...rest } = options;
      return createStepUpFetch({
        issuer,
        clientId: 'spa',
        redirectUri: 'https://app.test/cb',
        resource: API,
        scope: ['read'],
        fetch: world.fetch,
        now,
        ...('obtain' in options && options.obtain === undefined ? {} : { obtain }),
        ...rest,
      });
    },
  };
  return world;
}

export function challenge(parameters: string, status = 401): Response {
  return new Response('{}', { status, headers: { 'www-authenticate': `Bearer ${parameters}` } });
}

/** The code of the StepUpError, or the status of the answer. */
export function outcome(call: Promise<Response | unknown>): Promise<unknown> {
  return call.then(
    (response) => (response instanceof Response ? response.status : response),
    (error: { code?: string }) => error.code ?? String(error),
  );
}

/** What is waited for until `open`. */
export function createGate() {
  let open = () => {};
  let enter = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const pass = () => {
    enter();
    return opened;
  };
  return { pass, open, entered };
}
