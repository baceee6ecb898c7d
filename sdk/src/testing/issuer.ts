import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { AuthorizationDetail } from '../shared/demand.ts';

export interface TestIssuerOptions {
  /** Default `https://issuer.test`. Nothing listens there: give `fetch` to the code under test. */
  readonly issuer?: string;
  /** Default `https://api.test`. */
  readonly audience?: string;
  /** acr → the weaker ones it implies. Default: the levels of a Stile out of the box. */
  readonly implied?: Readonly<Record<string, readonly string[]>>;
  /** Epoch seconds. Default: the machine's clock. */
  readonly now?: () => number;
}

/** What a token says. Whatever is left out has a default of an ordinary sign-in a moment ago. */
export interface Mint {
  readonly sub?: string;
  readonly clientId?: string;
  readonly scope?: string | readonly string[];
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Epoch seconds. Default: now. */
  readonly authTime?: number;
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Thumbprint of the DPoP key it is bound to; see `createDpopKey`. */
  readonly jkt?: string;
  /** Seconds. Default 300. */
  readonly expiresIn?: number;
  /** Over everything else; `undefined` leaves a claim out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Default `at+jwt`. */
  readonly typ?: string;
}

export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Answers discovery, JWKS and introspection; anything else is 404. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
  /** A JWT access token (RFC 9068). */
  mint(token?: Mint): Promise<string>;
  /** An opaque one, known to introspection until `revoke`. */
  mintOpaque(token?: Mint): string;
  revoke(token: string): void;
  /** Signs with a new key from now on; the old one leaves the JWKS. */
  rotate(): Promise<void>;
  /** Whether `fetch` answers at all. */
  setReachable(reachable: boolean): void;
  /** The addresses `fetch` was called with. */
  readonly requests: readonly string[];
}

const STILE: Readonly<Record<string, readonly string[]>> = {
  'urn:stile:acr:1fa': [],
  'urn:stile:acr:mfa': ['urn:stile:acr:1fa'],
  phr: ['urn:stile:acr:1fa', 'urn:stile:acr:mfa'],
  phrh: ['urn:stile:acr:1fa', 'urn:stile:acr:mfa', 'phr'],
};

export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { issuer = 'https://issuer.test', audience = 'https://api.test', implied = STILE } = options;
  const { now = () => Math.floor(Date.now() / 1000) } = options;
  const opaque = new Map<string, Readonly<Record<string, unknown>>>();
  const requests: string[] = [];
  let reachable = true;
  let key = await createKey();
  const documents = (): Record<string, unknown> => ({
    '/.well-known/openid-configuration': {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      introspection_endpoint: `${issuer}/introspect`,
      acr_values_supported: Object.keys(implied),
      acr_values_implied: implied,
    },
    '/jwks': { keys: [key.jwk] },
  });
  return {
    issuer,
    audience,
    requests,
    fetch: async (url, init) => {
      requests.push(String(url));
      if (!reachable) throw new TypeError('the issuer is not reachable');
      if (url === `${issuer}/introspect`) return Response.json(answer(opaque, init));
      const document = documents()[String(url).slice(issuer.length)];
      return document ? Response.json(document) : new Response(null, { status: 404 });
    },
    mint: (token = {}) =>
      new SignJWT(claimsOf(token, { issuer, audience, now: now() }))
        .setProtectedHeader({ typ: token.typ ?? 'at+jwt', alg: 'ES256', kid: key.kid })
        .sign(key.privateKey),
    mintOpaque: (token = {}) => {
      const text = crypto.randomUUID();
      const token_type = token.jkt === undefined ? 'Bearer' : 'DPoP';
      const claims = { token_type, ...token.claims };
      opaque.set(text, { active: true, ...claimsOf({ ...token, claims }, { issuer, audience, now: now() }) });
      return text;
    },
    revoke: (token) => void opaque.delete(token),
    rotate: async () => {
      key = await createKey();
    },
    setReachable: (value) => {
      reachable = value;
    },
  };
}

async function createKey() {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const kid = crypto.randomUUID();
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

function answer(opaque: ReadonlyMap<string, Readonly<Record<string, unknown>>>, init: RequestInit = {}) {
  const token = new URLSearchParams(String(init.body)).get('token') ?? '';
  return opaque.get(token) ?? { active: false };
}

interface Issued {
  readonly issuer: string;
  readonly audience: string;
  readonly now: number;
}

function claimsOf(token: Mint, { issuer, audience, now }: Issued): Record<string, unknown> {
  const { scope = '' } = token;
  const claims = {
    iss: issuer,
    aud: audience,
    sub: token.sub ?? 'person-1',
    client_id: token.clientId ?? 'client-1',
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + (token.expiresIn ?? 300),
    scope: typeof scope === 'string' ? scope : scope.join(' '),
    acr: token.acr ?? 'urn:stile:acr:1fa',
    amr: token.amr ?? ['pwd'],
    auth_time: token.authTime ?? now,
    authorization_details: token.authorizationDetails,
    cnf: token.jkt === undefined ? undefined : { jkt: token.jkt },
    ...token.claims,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
