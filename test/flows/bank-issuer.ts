/**
 * An identity provider for the bank's tests: discovery, JWKS, authorization and token endpoint over real HTTP, without
 * pages, and obedient: a test says what the next authorization is answered with, right or wrong.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface Answer {
  readonly sub?: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Seconds before now. */
  readonly age?: number;
  /** An OAuth error instead of a code. */
  readonly error?: string;
  /** Instead of the true ones. */
  readonly iss?: string;
  readonly state?: string;
  readonly nonce?: string;
  /** Lifetime of the access token, in seconds. */
  readonly expiresIn?: number;
  readonly refreshToken?: string;
  /** Changes the access token's claims. */
  readonly access?: Claims;
}

/** `undefined` leaves a standard claim out. */
type Claims = Readonly<Record<string, unknown>>;

export interface TestIssuer {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Authorization requests as they came, oldest first. */
  readonly requests: URLSearchParams[];
  /** Token requests as they came. */
  readonly exchanges: URLSearchParams[];
  /** What the authorizations from now on are answered with, in turn; the last one stays. */
  answer(...answers: readonly Answer[]): void;
  /** What a refresh is answered with: changes to the access token's claims, or an OAuth error. */
  onRefresh(result: { access?: Claims; error?: string; expiresIn?: number }): void;
  /** A signed access token for the API; `header` and `key` change how it is signed. */
  accessToken(claims?: Claims, signed?: { typ?: string; alg?: 'ES256'; foreign?: boolean }): Promise<string>;
  /** Answers the JWKS with 500. */
  hideKeys: boolean;
  /** The address the API is registered under. */
  resource: string;
  close(): Promise<void>;
}

interface Grant {
  readonly request: URLSearchParams;
  readonly answer: Answer;
}

const now = () => Math.floor(Date.now() / 1000);

export async function startTestIssuer(): Promise<TestIssuer> {
  const [own, foreign] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const codes = new Map<string, Grant>();
  let answers: readonly Answer[] = [{}];
  let refreshed: { access?: Claims; error?: string; expiresIn?: number } = {};

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sign = (claims: Claims, typ: string, key = own.privateKey) =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ }).sign(key);

  const issuer: TestIssuer = {
    url,
    clientId: 'harbour-bank-web',
    clientSecret: 'a secret for tests: 100% & more',
    requests: [],
    exchanges: [],
    hideKeys: false,
    resource: '',
    answer: (...given) => {
      answers = given;
    },
    onRefresh: (result) => {
      refreshed = result;
    },
    accessToken: (claims = {}, signed = {}) => {
      const standard = {
        iss: url,
        aud: issuer.resource,
        sub: 'alex',
        client_id: issuer.clientId,
        iat: now(),
        exp: now() + 300,
        jti: randomUUID(),
        scope: 'openid profile accounts:read transfers:write',
        acr: 'urn:stile:acr:1fa',
        amr: ['pwd'],
        auth_time: now(),
      };
      const key = signed.foreign ? foreign.privateKey : own.privateKey;
      return sign({ ...standard, ...claims }, signed.typ ?? 'at+jwt', key);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = new URL(request.url ?? '/', url);
    switch (target.pathname) {
      case '/.well-known/openid-configuration':
        return send(response, metadata(url));
      case '/jwks':
        return issuer.hideKeys ? send(response, {}, 500) : send(response, { keys: [jwk] });
      case '/authorize':
        return authorize(target.searchParams, response);
      case '/token':
        return exchange(request, response);
      default:
        response.writeHead(404).end();
    }
  }

  function authorize(query: URLSearchParams, response: ServerResponse): void {
    issuer.requests.push(query);
    const [answer = {}, ...rest] = answers;
    if (rest.length > 0) answers = rest;
    const code = randomUUID();
    codes.set(code, { request: query, answer });
    const back = new URL(query.get('redirect_uri') ?? '');
    back.searchParams.set('state', answer.state ?? query.get('state') ?? '');
    back.searchParams.set('iss', answer.iss ?? url);
    if (answer.error === undefined) back.searchParams.set('code', code);
    else back.searchParams.set('error', answer.error);
    response.writeHead(303, { location: back.href }).end();
  }

  async function exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = new URLSearchParams(Buffer.concat(chunks).toString());
    issuer.exchanges.push(body);
    if (!authenticated(issuer, request.headers.authorization))
      return send(response, { error: 'invalid_client' }, 401);
    if (body.get('grant_type') === 'refresh_token') return refresh(response);
    const grant = codes.get(body.get('code') ?? '');
    codes.delete(body.get('code') ?? '');
    if (!grant) return send(response, { error: 'invalid_grant' }, 400);
    const { answer, request: asked } = grant;
    const authentication = authenticationOf(answer);
    send(response, {
      token_type: 'Bearer',
      expires_in: answer.expiresIn ?? 300,
      access_token: await issuer.accessToken({ ...authentication, ...answer.access }),
      id_token: await sign(idClaims(asked, answer), 'JWT'),
      ...(answer.refreshToken === undefined ? {} : { refresh_token: answer.refreshToken }),
    });
  }

  async function refresh(response: ServerResponse): Promise<void> {
    const { error, access, expiresIn = 300 } = refreshed;
    if (error !== undefined) return send(response, { error }, 400);
    const token = await issuer.accessToken(access);
    send(response, { token_type: 'Bearer', expires_in: expiresIn, access_token: token, refresh_token: 'r2' });
  }

  function idClaims(asked: URLSearchParams, answer: Answer): Claims {
    return {
      iss: url,
      aud: issuer.clientId,
      iat: now(),
      exp: now() + 300,
      nonce: answer.nonce ?? asked.get('nonce') ?? '',
      name: 'Alex <b>Harbour</b>',
      ...authenticationOf(answer),
    };
  }

  return issuer;
}

function authenticationOf({ sub = 'alex', acr = 'urn:stile:acr:1fa', amr = ['pwd'], age = 0 }: Answer) {
  return { sub, acr, amr: [...amr], auth_time: now() - age };
}

/** RFC 6749 section 2.3.1: both halves are form-encoded. */
function authenticated({ clientId, clientSecret }: TestIssuer, header = ''): boolean {
  const [id = '', secret = ''] = Buffer.from(header.replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':');
  const decode = (text: string) => new URLSearchParams(`v=${text}`).get('v');
  return decode(id) === clientId && decode(secret) === clientSecret;
}

function metadata(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    end_session_endpoint: `${issuer}/end`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
    acr_values_supported: ['urn:stile:acr:1fa', 'urn:stile:acr:mfa', 'phr', 'phrh'],
    acr_values_implied: {
      'urn:stile:acr:1fa': [],
      'urn:stile:acr:mfa': ['urn:stile:acr:1fa'],
      phr: ['urn:stile:acr:1fa', 'urn:stile:acr:mfa'],
      phrh: ['urn:stile:acr:1fa', 'urn:stile:acr:mfa', 'phr'],
    },
  };
}

function send(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
