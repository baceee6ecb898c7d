/**
 * HTTP security basics: response headers, CSRF protection, and the device cookie.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { StileError } from '../domain/errors.ts';

/** Keyed hash, base64url; `Vault.mac`. */
export type Mac = (value: string, purpose: string) => string;

// Headers ----------------------------------------------------------------------------------------------------

const YEAR = 365 * 24 * 3600;

const fixedHeaders = {
  // `same-origin` and not `no-referrer`: the latter makes browsers send `Origin: null` with our own forms.
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy':
    'publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), ' +
    'microphone=(), payment=(), usb=()',
} as const;

/** Sets the headers every answer carries, before anything else runs, so that errors carry them too. */
export function securityHeaders(options: { readonly https: boolean }): Middleware {
  const headers = Object.entries({
    ...fixedHeaders,
    'Content-Security-Policy': contentSecurityPolicy(),
    ...(options.https ? { 'Strict-Transport-Security': `max-age=${YEAR}` } : {}),
  });
  return (ctx, next) => {
    for (const [name, value] of headers) ctx.res.setHeader(name, value);
    return next();
  };
}

/**
 * The policy of every page: nothing inline, nothing from elsewhere. `formTargets` are CSP sources beside 'self':
 * Chromium applies form-action to each redirect that follows a form's POST, so pages whose forms end at a client
 * name it (`formTarget`).
 */
export function contentSecurityPolicy(formTargets: readonly string[] = []): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    ["form-action 'self'", ...new Set(formTargets)].join(' '),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** The CSP source for a redirect URI: its origin, or the scheme alone of a private-use one (RFC 8252, 7.1). */
export function formTarget(redirectUri: string): string | undefined {
  if (!URL.canParse(redirectUri)) return undefined;
  const { protocol, origin } = new URL(redirectUri);
  const source = protocol === 'https:' || protocol === 'http:' ? origin : protocol;
  return /^[a-z][a-z0-9+.-]*:(\/\/[A-Za-z0-9.:[\]-]+)?$/.test(source) ? source : undefined;
}

/** Adds the client to what this page's forms may lead to. Unusable URIs are left out. */
export function allowFormsTo(ctx: Context, redirectUris: readonly string[]): void {
  const targets = redirectUris.flatMap((uri) => formTarget(uri) ?? []);
  ctx.set('Content-Security-Policy', contentSecurityPolicy(targets));
}

/** For pages about one person or one transaction: never kept, not even by the back button. */
export function neverStore(ctx: Context): void {
  ctx.set('Cache-Control', 'no-store');
}

// CSRF -------------------------------------------------------------------------------------------------------

/**
 * The token of a form: an HMAC over what it belongs to, such as an interaction uid and the browser's id. It needs
 * no storage and stays valid as long as its binding, so that two tabs and the back button work.
 */
export function csrfToken(mac: Mac, binding: readonly string[]): string {
  return mac(JSON.stringify(binding), 'csrf');
}

/** Throws `csrf_failed` unless the form came from our own page and carries the token of this binding. */
export function checkCsrf(
  deps: { readonly mac: Mac; readonly origin: string },
  ctx: Pick<Context, 'get'>,
  form: { readonly token: string; readonly binding: readonly string[] },
): void {
  if (!isOwnOrigin(ctx, deps.origin)) throw new StileError('csrf_failed', { detail: 'foreign origin' });
  if (!sameText(form.token, csrfToken(deps.mac, form.binding))) {
    throw new StileError('csrf_failed', { detail: 'wrong token' });
  }
}

/** Browsers say where a form came from; what says nothing is left to the token. */
function isOwnOrigin(ctx: Pick<Context, 'get'>, own: string): boolean {
  const origin = ctx.get('Origin');
  const site = ctx.get('Sec-Fetch-Site');
  return (origin === '' || origin === own) && (site === '' || site === 'same-origin' || site === 'none');
}

function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

// The device cookie ------------------------------------------------------------------------------------------

const COOKIE_DAYS = 400;

export interface BrowserCookieDeps {
  readonly mac: Mac;
  readonly newId: () => string;
  readonly https: boolean;
}

/** With https the `__Host-` prefix keeps sibling hosts from setting it. */
export function browserCookieName(https: boolean): string {
  return https ? '__Host-stile_browser' : 'stile_browser';
}

/** The id of this browser, if its cookie is one of ours. */
export function readBrowser(deps: BrowserCookieDeps, ctx: Context): string | undefined {
  const cookie = ctx.cookies.get(browserCookieName(deps.https)) ?? '';
  const [id = '', signature = '', ...rest] = cookie.split('.');
  const genuine = id !== '' && rest.length === 0 && sameText(signature, deps.mac(id, 'browser'));
  return genuine ? id : undefined;
}

/** The id of this browser, given anew if it has none; the cookie's life is renewed. */
export function ensureBrowser(deps: BrowserCookieDeps, ctx: Context): string {
  const id = readBrowser(deps, ctx) ?? deps.newId();
  const attributes = `Path=/; Max-Age=${COOKIE_DAYS * 24 * 3600}; HttpOnly; SameSite=Lax`;
  const value = `${browserCookieName(deps.https)}=${id}.${deps.mac(id, 'browser')}`;
  // By hand: behind a proxy that ends TLS, koa refuses to set secure cookies unless it trusts the proxy.
  ctx.append('Set-Cookie', `${value}; ${attributes}${deps.https ? '; Secure' : ''}`);
  return id;
}

/** With https the `__Host-` prefix keeps sibling hosts from setting it. */
function rememberedCookieName(https: boolean): string {
  return https ? '__Host-stile_remembered' : 'stile_remembered';
}

/** The secrets of remembered devices that this browser brings, if the cookie is one of ours. */
export function readRemembered(deps: BrowserCookieDeps, ctx: Context): readonly string[] {
  const cookie = ctx.cookies.get(rememberedCookieName(deps.https)) ?? '';
  const [tokens = '', signature = '', ...rest] = cookie.split('~');
  const genuine = tokens !== '' && rest.length === 0 && sameText(signature, deps.mac(tokens, 'remembered'));
  return genuine ? tokens.split('|') : [];
}

/** Puts the secrets in the browser; none: takes them out of it. */
export function writeRemembered(deps: BrowserCookieDeps, ctx: Context, tokens: readonly string[]): void {
  const text = tokens.join('|');
  const value = text === '' ? '' : `${text}~${deps.mac(text, 'remembered')}`;
  const age = text === '' ? 0 : COOKIE_DAYS * 24 * 3600;
  const attributes = `Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${deps.https ? '; Secure' : ''}`;
  ctx.append('Set-Cookie', `${rememberedCookieName(deps.https)}=${value}; ${attributes}`);
}

/** What is stored of a browser: SHA-256 of its id, base64url. */
export function browserHash(id: string): string {
  return sha256(id).toString('base64url');
}
