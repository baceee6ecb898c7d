/** Sessions by cookie, forms with their protection, pages with their headers. */
import { HttpError, type Incoming, type Reply } from '../shared/http.ts';
import type { Frame } from './layout.ts';
import { type Session, type Sessions, sameText } from './sessions.ts';
import type { ClientSettings } from './sign-in.ts';

export interface Deps {
  readonly sessions: Sessions;
  readonly settings: ClientSettings;
}

/** Cookies do not tell ports apart, so the name has to. */
const COOKIE = 'harbour_bank_session';

export function findSession({ sessions }: Deps, request: Incoming): Session | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return sessions.find(pairs.find(([name]) => name === COOKIE)?.[1]);
}

/** Lax: the provider's answer is a top-level navigation from another site and must find the session. */
export function setCookie({ settings }: Deps, session: Session): Record<string, string> {
  const secure = settings.baseUrl.startsWith('https:') ? '; Secure' : '';
  return { 'set-cookie': `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Lax${secure}` };
}

export function clearCookie(): Record<string, string> {
  return { 'set-cookie': `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0` };
}

/** The fields of a form of this session; anything else is refused with 403. */
export async function readForm(deps: Deps, request: Incoming) {
  const session = findSession(deps, request);
  const { origin } = request.headers;
  const foreign = origin !== undefined && origin !== deps.settings.baseUrl;
  const form = new URLSearchParams(await request.text());
  if (!session || foreign || !sameText(form.get('_csrf') ?? '', session.csrf)) {
    throw new HttpError(403, 'This form is no longer valid. Nothing was sent; please open the page again.');
  }
  return { session, field: (name: string) => (form.get(name) ?? '').trim() };
}

export function frame({ settings }: Deps, session: Session | undefined): Frame {
  return { session, now: settings.now() };
}

export function page(body: string, status = 200): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body,
  };
}

/**
 * Browsers hold a form's redirects to `form-action`, too: a transfer may lead to the identity provider, so its origin
 * is allowed there.
 */
export function securityHeaders(issuer: string): Record<string, string> {
  const provider = new URL(issuer).origin;
  return {
    'content-security-policy': [
      "default-src 'none'",
      "style-src 'self'",
      "img-src 'self'",
      `form-action 'self' ${provider}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
  };
}
