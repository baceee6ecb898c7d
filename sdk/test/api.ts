/** A small resource server: real tokens, real proofs; each path demands something else. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { calculateJwkThumbprint, createRemoteJWKSet, EmbeddedJWK, type JWTPayload, jwtVerify } from 'jose';
import { API } from '../../test/support/stile.ts';

const NONCE = 'the-nonce';
const stepUp = `error="insufficient_user_authentication", acr_values="urn:stile:acr:mfa", max_age="300"`;

export function createApi(issuer: string) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return async (request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> => {
    const path = new URL(request.url ?? '', 'http://api').pathname;
    const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ');
    const refuse = (text: string, headers: Record<string, string> = {}) =>
      void response.writeHead(401, { 'www-authenticate': `${scheme} ${text}`, ...headers }).end('{}');
    const claims = await jwtVerify(token, keys, { issuer, audience: API, typ: 'at+jwt' }).then(
      ({ payload }) => payload,
      () => undefined,
    );
    if (!claims || path === '/v1/invalid') return refuse('error="invalid_token"');
    if (path === '/v1/malformed') return refuse('error="unended');
    if (path === '/v1/teapot') return void response.writeHead(418).end();
    if (path === '/v1/dpop') {
      const fault = await proofFault(request, token, claims);
      if (fault) return refuse(`error="${fault}"`, { 'dpop-nonce': NONCE });
    }
    if (path === '/v1/piecemeal' && !String(claims['scope']).split(' ').includes('write'))
      return refuse('error="insufficient_scope", scope="write"');
    const weak = path !== '/v1/plain' && claims['acr'] !== 'urn:stile:acr:mfa';
    if (weak || path === '/v1/never') return refuse(stepUp);
    const { sub, acr } = claims;
    const said = { sub, acr, body: body.toString(), bytes: [...body], id: request.headers['x-id'] };
    response.end(JSON.stringify({ ...said, scheme: scheme.toLowerCase() }));
  };
}

/** RFC 9449 4.3, as far as it decides here. */
async function proofFault(
  request: IncomingMessage,
  token: string,
  { cnf }: JWTPayload,
): Promise<string | undefined> {
  const proof = await jwtVerify(String(request.headers['dpop']), EmbeddedJWK, { typ: 'dpop+jwt' });
  const { nonce, htm, htu, ath } = proof.payload;
  if (nonce !== NONCE) return 'use_dpop_nonce';
  const { jwk } = proof.protectedHeader;
  const bound = jwk && (await calculateJwkThumbprint(jwk)) === (cnf as { jkt?: string } | undefined)?.jkt;
  const hash = createHash('sha256').update(token).digest('base64url');
  const address = `http://${request.headers.host}${new URL(request.url ?? '', 'http://api').pathname}`;
  const good = bound && ath === hash && htm === request.method && htu === address;
  return good ? undefined : 'invalid_dpop_proof';
}
