/** OpenID Connect by openid-client: authorization requests with step-up parameters, their answers, sign-out. */
import * as oidc from 'openid-client';
import type { StepUp } from './challenge.ts';
import { remember, type SentRequest, type Session, type Tokens } from './sessions.ts';
import { CLOCK_TOLERANCE, tokensOf } from './tokens.ts';

export interface ClientSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Where this application is reached, without a trailing slash. */
  readonly baseUrl: string;
  /** The API's resource indicator (RFC 8707). */
  readonly resource: string;
  /** Epoch seconds. */
  readonly now: () => number;
  /** Told why an answer was not accepted; the person is not. */
  readonly log: (message: string) => void;
}

export interface SignIn {
  readonly settings: ClientSettings;
  /** Metadata by discovery; asked for again after a failure. */
  readonly configuration: () => Promise<oidc.Configuration>;
}

export type Answer =
  | { readonly kind: 'tokens'; readonly tokens: Tokens; readonly sent: SentRequest }
  /** The server's own refusal: `error` of the authorization response. */
  | { readonly kind: 'refused'; readonly error: string; readonly sent: SentRequest }
  /** The answer did not verify, or the code could not be exchanged. */
  | { readonly kind: 'failed'; readonly sent: SentRequest }
  | { readonly kind: 'unknownState' };

const SCOPES = ['openid', 'profile', 'accounts:read', 'transfers:write'];
const TIMEOUT = 10;

export function createSignIn(settings: ClientSettings): SignIn {
  let discovered: Promise<oidc.Configuration> | undefined;
  return {
    settings,
    configuration: async () => {
      discovered ??= discover(settings);
      return discovered.catch((error: unknown) => {
        discovered = undefined;
        throw error;
      });
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: ClientSettings): Promise<oidc.Configuration> {
  const server = new URL(issuer);
  const metadata = { [oidc.clockTolerance]: CLOCK_TOLERANCE };
  const authentication = clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
  // Plain HTTP is for an issuer on this machine, as in the demo.
  const loopback = server.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(server.hostname);
  const execute = loopback ? [oidc.allowInsecureRequests] : [];
  return oidc.discovery(server, clientId, metadata, authentication, { execute, timeout: TIMEOUT });
}

/** The redirect URI; an answer that arrives elsewhere is not ours. */
export function redirectUri({ baseUrl }: ClientSettings): string {
  return `${baseUrl}/callback`;
}

export interface Wanted {
  readonly stepUp?: StepUp;
  readonly transferId?: string;
}

/**
 * The address to send the browser to. A step-up copies the challenge's `acr_values` and `max_age` and keeps every
 * other parameter (RFC 9470 section 4); `id_token_hint` says who has to answer.
 */
export async function authorizationUrl(signIn: SignIn, session: Session, wanted: Wanted = {}): Promise<URL> {
  const configuration = await signIn.configuration();
  const { stepUp, transferId } = wanted;
  const [state, nonce, codeVerifier] = [
    oidc.randomState(),
    oidc.randomNonce(),
    oidc.randomPKCECodeVerifier(),
  ];
  const sub = session.tokens?.sub;
  remember(session.requests, state, { nonce, codeVerifier, stepUp, transferId, sub });
  return oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri(signIn.settings),
    scope: [...new Set([...SCOPES, ...(stepUp?.scopes ?? [])])].join(' '),
    resource: signIn.settings.resource,
    claims: JSON.stringify({ id_token: { name: null, preferred_username: null } }),
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    ...(stepUp && stepUp.acrValues.length > 0 ? { acr_values: stepUp.acrValues.join(' ') } : {}),
    ...(stepUp?.maxAge === undefined ? {} : { max_age: String(stepUp.maxAge) }),
    ...(session.tokens ? { id_token_hint: session.tokens.idToken } : {}),
  });
}

/** Checks the authorization response (state, `iss` by RFC 9207), exchanges the code, checks the ID token. */
export async function readAnswer(signIn: SignIn, session: Session, query: URLSearchParams): Promise<Answer> {
  const state = query.get('state') ?? '';
  const sent = session.requests.get(state);
  if (!sent) return { kind: 'unknownState' };
  session.requests.delete(state);
  const configuration = await signIn.configuration();
  const url = new URL(redirectUri(signIn.settings));
  url.search = query.toString();
  try {
    const response = await oidc.authorizationCodeGrant(configuration, url, checksOf(sent, state), {
      resource: signIn.settings.resource,
    });
    return { kind: 'tokens', tokens: tokensOf(signIn.settings, response, undefined), sent };
  } catch (error) {
    if (error instanceof oidc.AuthorizationResponseError)
      return { kind: 'refused', error: error.error, sent };
    signIn.settings.log(`The authorization was not accepted: ${describe(error)}`);
    return { kind: 'failed', sent };
  }
}

/** Names and codes of an error and its cause: neither tokens nor codes are part of them. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const cause = error.cause instanceof Error ? `, caused by ${describe(error.cause)}` : '';
  return `${error.name}: ${error.message}${code}${cause}`;
}

function checksOf(sent: SentRequest, state: string): oidc.AuthorizationCodeGrantChecks {
  const maxAge = sent.stepUp?.maxAge;
  return {
    expectedState: state,
    expectedNonce: sent.nonce,
    pkceCodeVerifier: sent.codeVerifier,
    idTokenExpected: true,
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}

/** Where to send the browser to sign out at the provider too (RP-initiated logout); undefined: it offers none. */
export async function signOutUrl(signIn: SignIn, tokens: Tokens): Promise<URL | undefined> {
  const configuration = await signIn.configuration();
  if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
  return oidc.buildEndSessionUrl(configuration, {
    id_token_hint: tokens.idToken,
    post_logout_redirect_uri: `${signIn.settings.baseUrl}/`,
  });
}
