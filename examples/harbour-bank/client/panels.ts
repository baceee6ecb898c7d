/** What the tokens say, made readable. */
import { type Html, html } from './html.ts';
import type { Authentication, PendingTransfer } from './sessions.ts';

const levels: Readonly<Record<string, string>> = {
  'urn:stile:acr:1fa': 'one factor',
  'urn:stile:acr:mfa': 'two factors',
  phr: 'phishing-resistant',
  phrh: 'phishing-resistant, key in hardware',
};

const methods: Readonly<Record<string, string>> = {
  pwd: 'password',
  otp: 'code from an app',
  pop: 'a key was used',
  hwk: 'a key in hardware was used',
  user: 'somebody was there',
  mfa: 'two kinds of factor',
};

export function authenticationPanel(authentication: Authentication, now: number): Html {
  return html`<aside class="panel" aria-labelledby="token"><h2 id="token">What your sign-in proves</h2>
<dl>
<div><dt><code>acr</code><span>level</span></dt><dd>${acr(authentication)}</dd></div>
<div><dt><code>amr</code><span>methods</span></dt><dd>${amr(authentication)}</dd></div>
<div><dt><code>auth_time</code><span>when</span></dt><dd>${time(authentication, now)}</dd></div>
</dl>
<p>These are claims of your ID token. The access token for the bank's API says the same.</p></aside>`;
}

function acr({ acr: value }: Authentication): Html {
  if (value === undefined) return html`<em>not stated</em>`;
  return html`<code>${value}</code> <small>${levels[value]}</small>`;
}

function amr({ amr: values }: Authentication): Html {
  if (!values || values.length === 0) return html`<em>not stated</em>`;
  return html`<ul>${values.map((value) => html`<li><code>${value}</code> <small>${methods[value]}</small></li>`)}</ul>`;
}

function time({ authTime }: Authentication, now: number): Html {
  if (authTime === undefined) return html`<em>not stated</em>`;
  return html`${clock(authTime)} <small>${ago(authTime, now)}</small>`;
}

export interface Comparison {
  readonly before: Authentication;
  readonly after: Authentication;
  /** Epoch seconds. */
  readonly now: number;
}

export function comparison({ before, after, now }: Comparison): Html {
  const rows: readonly [string, Html, Html][] = [
    ['acr', acr(before), acr(after)],
    ['amr', amr(before), amr(after)],
    ['auth_time', time(before, now), time(after, now)],
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Claims before and after"><table class="compare">
<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th></tr></thead>
<tbody>${rows.map(
    ([name, left, right]) =>
      html`<tr><th scope="row"><code>${name}</code></th><td>${left}</td><td class="${left.text === right.text ? 'same' : 'new'}">${right}</td></tr>
`,
  )}</tbody></table></div>`;
}

/** What went to and fro, as it was said. */
export function steps({ id, challenges, outcome }: PendingTransfer): Html {
  const rounds = challenges.map(
    ({
      scheme,
      error,
      parameters,
    }) => html`<li><p>The API answered <code>401</code> with a step-up challenge:</p>
<pre>WWW-Authenticate: ${scheme} ${parametersOf({ error, ...parameters })}</pre></li>
<li><p>The bank sent you to the identity provider with the same values:</p>
<pre>acr_values=${parameters.acr_values}
max_age=${parameters.max_age}</pre></li>
`,
  );
  return html`<details class="steps"><summary>What happened behind the scenes</summary><ol>
<li><p>The bank's web application called its API with your access token:</p><pre>PUT /transfers/${id}</pre></li>
${rounds}
${outcome.kind === 'done' ? html`<li><p>${challenges.length > 0 ? 'It called the API again with the new access token, and the API accepted it.' : 'The API accepted it at once.'}</p></li>` : undefined}
</ol></details>`;
}

function parametersOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `${name}="${value}"`).join(', ');
}

/** A time of day; the date is in the machine-readable part. */
export function clock(at: number): Html {
  const iso = new Date(at * 1000).toISOString();
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`;
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

export function ago(at: number, now: number): string {
  const age = Math.max(0, now - at);
  const [unit, size] = units.find(([, seconds]) => age >= seconds) ?? ['second', 1];
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-Math.floor(age / size), unit);
}
