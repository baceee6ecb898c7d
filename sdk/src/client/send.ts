/** One call with one token. */
import * as oauth from 'oauth4webapi';
import { parseChallenges } from '../shared/challenge.ts';
import { type StepUp, stepUpOf } from '../shared/step-up.ts';
import { type Connection, httpOptions } from './issuer.ts';
import { type Extras, requestOf } from './keep.ts';
import type { KeptRequest, Tokens } from './types.ts';

/**
 * Sends it with the token, and its DPoP proof; once more where the API gives a nonce (RFC 9449 9). Redirects are
 * not followed: the token is for the address that was asked. Network faults are fetch's own.
 */
export async function sendWith(
  { dpop }: Pick<Connection, 'dpop'>,
  { access }: Pick<Tokens, 'access'>,
  call: { readonly kept: KeptRequest; readonly extras: Extras; readonly fetch: typeof fetch },
): Promise<{ readonly response: Response; readonly stepUp: StepUp | undefined }> {
  const once = () => sendOnce(dpop, access, call);
  const first = await once();
  return first.stepUp?.error === 'use_dpop_nonce' && dpop ? once() : first;
}

async function sendOnce(
  dpop: oauth.DPoPHandle | undefined,
  access: string,
  { kept, extras, fetch: fetcher }: Parameters<typeof sendWith>[2],
) {
  const request = requestOf(kept, extras);
  let response: Response | undefined;
  // oauth4webapi makes the credentials; the answer is read here, by a parser that throws nothing else.
  const send = async (_: string, { headers }: { headers: Record<string, string> }) => {
    for (const name of ['authorization', 'dpop']) if (headers[name]) request.headers.set(name, headers[name]);
    response = await fetcher(request);
    const nonce = response.headers.get('dpop-nonce');
    return new Response(null, { headers: nonce === null ? {} : { 'dpop-nonce': nonce } });
  };
  await oauth.protectedResourceRequest(access, kept.method, new URL(kept.url), undefined, undefined, {
    ...httpOptions(kept.url),
    [oauth.customFetch]: send as never,
    ...(dpop ? { DPoP: dpop } : {}),
  });
  if (!response) throw new TypeError('fetch gave no response');
  return { response, stepUp: challengeOf(response, dpop ? 'dpop' : 'bearer') };
}

function challengeOf(response: Response, used: 'bearer' | 'dpop'): StepUp | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined;
  return stepUpOf(parseChallenges(response.headers.get('www-authenticate')), used);
}
