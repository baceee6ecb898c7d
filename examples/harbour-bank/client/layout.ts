/** What the client's pages have in common. */
import { type Html, html } from './html.ts';
import type { Session } from './sessions.ts';

/** What every page of a signed-in person needs. */
export interface Frame {
  readonly session: Session | undefined;
  /** Epoch seconds. */
  readonly now: number;
}

export function layout({ session }: Frame, title: string, main: Html): string {
  const { name: full, preferred_username: short } = session?.tokens?.claims ?? {};
  const name = session?.tokens ? String(full ?? short ?? 'your account') : undefined;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Harbour Bank</title>
<link rel="icon" href="/assets/harbour.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="/"><img src="/assets/harbour.svg" alt="" width="32" height="32">Harbour Bank</a>
${name === undefined ? undefined : signedIn(name, session?.csrf ?? '')}
</div></header>
<main id="main" class="wide">${main}</main>
<footer class="wide"><p>Harbour Bank is an example. Its money is not real; its step-up authentication is.</p></footer>
</body>
</html>
`;
  return page.text;
}

function signedIn(name: string, csrf: string): Html {
  return html`<nav aria-label="Bank">
<span class="who">${name}</span>
<a href="/account">Account</a>
<a href="/transfer">Transfer</a>
<form method="post" action="/sign-out">${hidden('_csrf', csrf)}<button class="quiet">Sign out</button></form>
</nav>`;
}

export function hidden(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}
