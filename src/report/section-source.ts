/** What the numbers are of, and what they do not say. */
import type { BacktestReport } from '../domain/backtest/report.ts';
import { html, type Markup, nothing } from './markup.ts';
import { shownSamples } from './section-days.ts';
import { many, number } from './tables.ts';

export function sourceSection({ decisions, changes, samples }: BacktestReport): Markup {
  const { counted, authorizations, refreshes, accountChanges, events, unreadable } = decisions;
  return html`<section aria-labelledby="source">
<h2 id="source">What this counts</h2>
<p>${many(counted, 'decision')}: ${number(authorizations)} at an authorization, ${number(refreshes)} at a refresh,
${number(accountChanges)} on an account change, from ${many(events, 'audit event')}. What was asked, asked again and granted in one
transaction is one decision.</p>
<dl class="terms">
<dt>Prompt</dt><dd>With the proofs there were before the transaction, and of its own only the first where the session had none, the
request is not satisfied.</dd>
<dt>Block</dt><dd>A rule denies, or no enrolled factor would do. A block is not counted as a prompt.</dd>
<dt>Refused refresh</dt><dd>A rule denies, or wants what the token's record does not give at that moment.</dd>
<dt>Unknown</dt><dd>The outcome rests on risk, on the device or on a whole network address, which were not recorded there. Such
decisions are in no other number.</dd>
</dl>
<p>Both sides are evaluated at the levels of today's configuration. People's habits are those of then: nobody gives up, and nobody enrols a
factor, because of a prompt that was not there.</p>
${changes.unknown === 0 ? nothing : shownSamples('Unknown', samples, ['unknown'])}
${
  unreadable === 0
    ? nothing
    : html`<p class="fine">${many(unreadable, 'event')} could not be read and ${unreadable === 1 ? 'is' : 'are'} in no number.</p>`
}
</section>`;
}
