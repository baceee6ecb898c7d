/** The client's pages. */
import { formatMoney } from '../shared/money.ts';
import type { AccountView } from './bank-api.ts';
import { type Html, html } from './html.ts';
import { type Frame, hidden, layout } from './layout.ts';
import { ago, authenticationPanel, clock, comparison, steps } from './panels.ts';
import type { Authentication, Outcome, PendingTransfer } from './sessions.ts';

export function landingPage(frame: Frame): string {
  return layout(
    frame,
    'Welcome',
    html`<section class="hero">
<h1>A safe harbour for your money</h1>
<p class="lead">Look at your balance with an ordinary sign-in. Move a little money just as easily. Move a lot, and the bank asks for exactly the proof it needs: no more, no less.</p>
<p><a class="button" href="/sign-in">Sign in</a></p>
</section>
<section aria-labelledby="asks"><h2 id="asks">What a transfer asks for</h2>
${tiersList()}
</section>`,
  );
}

function tiersList(): Html {
  return html`<ul class="tiers">
<li><strong>Up to €100</strong><span>Your sign-in is enough.</span></li>
<li><strong>Up to €1,000</strong><span>Two factors, within the last 15 minutes.</span></li>
<li><strong>Above €1,000</strong><span>A passkey, within the last 5 minutes.</span></li>
</ul>`;
}

export function accountPage(frame: Frame, account: AccountView, authentication: Authentication): string {
  const rows = account.movements.map(
    ({ at, text, amount }) => html`<tr><td>${text}<small>${ago(at, frame.now)}</small></td>
<td class="amount${amount > 0 ? ' in' : ''}">${amount > 0 ? '+' : ''}${formatMoney(amount)}</td></tr>
`,
  );
  return layout(
    frame,
    'Account',
    html`<div class="columns"><section>
<h1 class="small">Current account</h1>
<p class="balance">${formatMoney(account.balance)}</p>
<p><a class="button" href="/transfer">Make a transfer</a></p>
<h2>Latest movements</h2>
<table class="movements"><thead class="hidden"><tr><th scope="col">Movement</th><th scope="col">Amount</th></tr></thead>
<tbody>${rows}</tbody></table>
</section>
${authenticationPanel(authentication, frame.now)}
</div>`,
  );
}

export interface TransferForm {
  readonly id: string;
  readonly to: string;
  readonly amount: string;
  readonly faults: Readonly<Partial<Record<'to' | 'amount', string>>>;
}

export function transferFormPage(frame: Frame, form: TransferForm): string {
  const faulty = Object.keys(form.faults).length > 0;
  const authentication = frame.session?.tokens;
  return layout(
    frame,
    faulty ? 'Error: Transfer' : 'Transfer',
    html`<div class="columns"><section>
<h1>Make a transfer</h1>
<form class="card" method="post" action="/transfer">
${hidden('_csrf', frame.session?.csrf ?? '')}${hidden('id', form.id)}
${field({ name: 'to', label: 'To', value: form.to, fault: form.faults.to, extra: html`maxlength="60" autocomplete="off"` })}
${field({ name: 'amount', label: 'Amount in euros', value: form.amount, fault: form.faults.amount, extra: html`inputmode="decimal" autocomplete="off" maxlength="12"` })}
<p><button>Send</button></p>
</form>
<h2>What it asks for</h2>
${tiersList()}
</section>
${authentication ? authenticationPanel(authentication, frame.now) : undefined}
</div>`,
  );
}

interface Field {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly fault: string | undefined;
  readonly extra: Html;
}

function field({ name, label, value, fault, extra }: Field): Html {
  const described =
    fault === undefined ? html`` : html` aria-invalid="true" aria-describedby="${name}-fault"`;
  return html`<div class="field"><label for="${name}">${label}</label>
${fault === undefined ? undefined : html`<p class="fault" id="${name}-fault">${fault}</p>`}
<input id="${name}" name="${name}" value="${value}" required ${extra}${described}></div>`;
}

export function transferPage(frame: Frame, transfer: PendingTransfer): string {
  const { outcome } = transfer;
  switch (outcome.kind) {
    case 'done':
      return receiptPage(frame, transfer, outcome);
    case 'waiting':
      return stoppedPage(frame, transfer, {
        kind: 'stopped',
        title: 'Waiting for your confirmation',
        text: 'Nothing was sent yet. Go on, and you will be asked for the missing proof.',
        retry: true,
      });
    case 'stopped':
      return stoppedPage(frame, transfer, outcome);
  }
}

function receiptPage(
  frame: Frame,
  transfer: PendingTransfer,
  outcome: Extract<Outcome, { kind: 'done' }>,
): string {
  const { to, cents, before, challenges } = transfer;
  const changed = challenges.length > 0;
  return layout(
    frame,
    'Sent',
    html`<section class="result done">
<h1>${formatMoney(cents)} sent to ${to}</h1>
<p>At ${clock(outcome.at)}. Your balance is now <strong>${formatMoney(outcome.balance)}</strong>.</p>
<p class="actions"><a class="button" href="/transfer">Another transfer</a> <a href="/account">Back to the account</a></p>
</section>
<section aria-labelledby="proof"><h2 id="proof">${changed ? 'What your confirmation changed' : 'Your sign-in was enough'}</h2>
${comparison({ before, after: outcome.after, now: frame.now })}
${steps(transfer)}
</section>`,
  );
}

function stoppedPage(
  frame: Frame,
  transfer: PendingTransfer,
  outcome: Extract<Outcome, { kind: 'stopped' }>,
): string {
  const retry = html`<form method="post" action="/transfers/${transfer.id}/again">${hidden('_csrf', frame.session?.csrf ?? '')}<button>${transfer.outcome.kind === 'waiting' ? 'Go on' : 'Try again'}</button></form>`;
  return layout(
    frame,
    outcome.title,
    html`<section class="result stopped">
<h1>${outcome.title}</h1>
<p>${outcome.text}</p>
<p class="draft">${formatMoney(transfer.cents)} to ${transfer.to}</p>
<div class="actions">${outcome.retry ? retry : undefined}<a href="/transfer?from=${transfer.id}">Change the transfer</a> <a href="/account">Back to the account</a></div>
</section>
${transfer.challenges.length > 0 ? steps(transfer) : undefined}`,
  );
}

export function problemPage(frame: Frame, { title, text }: { title: string; text: string }): string {
  return layout(
    frame,
    title,
    html`<section class="result stopped"><h1>${title}</h1><p>${text}</p>
<p class="actions"><a class="button" href="/">Back to the start</a></p></section>`,
  );
}
