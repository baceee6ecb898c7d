/** A backtest as one HTML page that needs nothing else: no script, no network, no font. */
import type { BacktestReport } from '../domain/backtest/report.ts';
import { html, type Markup, nothing } from './markup.ts';
import { blockSection, promptSection } from './section-days.ts';
import { clientSection, groupSection, peopleSection } from './section-people.ts';
import { ruleSection } from './section-rules.ts';
import { sourceSection } from './section-source.ts';
import { style } from './style.ts';
import { many, number, signed, time } from './tables.ts';

export interface PageInput {
  readonly report: BacktestReport;
  /** What the policy is called, such as its file's name. */
  readonly name: string;
  /** Epoch seconds: when it was made. */
  readonly at: number;
}

/** The whole page, as text. */
export function reportPage({ report, name, at }: PageInput): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="robots" content="noindex">
<title>Backtest of ${name}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
${header(report, name)}
${report.decisions.counted === 0 ? empty : sections(report)}
</main>
<footer><p>Made by <code>stile policy backtest</code> on ${time(at)} UTC. It names people: keep it as you keep the audit.</p></footer>
</body>
</html>
`;
  return page.markup;
}

const empty = html`<section><h2>Nothing to replay</h2>
<p>There are no recorded decisions in this time.</p></section>`;

function sections(report: BacktestReport): Markup {
  return html`${tiles(report)}
${promptSection(report)}
${blockSection(report)}
${ruleSection(report)}
${peopleSection(report)}
${clientSection(report)}
${groupSection(report)}
${sourceSection(report)}`;
}

function header({ policy, decisions, people, first, last, changes }: BacktestReport, name: string): Markup {
  const span =
    first === null || last === null
      ? nothing
      : html`${time(first)} to ${time(last)} UTC · ${many(decisions.counted, 'decision')} · ${
          people.exact ? '' : 'at least '
        }${many(people.seen, 'person', 'people')}`;
  return html`<header>
<p class="eyebrow">Backtest</p>
<h1>What <span class="name">${name}</span> would have changed</h1>
<p class="span">${span}</p>
<p class="lead">${verdict(changes, people)}</p>
<p class="fine">Version <code>${policy.version}</code>, ${many(policy.rules, 'rule')}, days in ${policy.timeZone}.</p>
</header>`;
}

/** The whole in one sentence. */
export function verdict(
  { extraPrompts, fewerPrompts, extraBlocks, extraRefusals }: BacktestReport['changes'],
  { affected, lockedOut, exact }: BacktestReport['people'],
): string {
  const parts = [
    ...(extraPrompts > 0 ? [`${many(extraPrompts, 'prompt')} more`] : []),
    ...(fewerPrompts > 0 ? [`${many(fewerPrompts, 'prompt')} fewer`] : []),
    ...(extraBlocks > 0 ? [`${many(extraBlocks, 'request')} more blocked`] : []),
    ...(extraRefusals > 0 ? [`${many(extraRefusals, 'refresh', 'refreshes')} more refused`] : []),
  ];
  if (parts.length === 0) return 'Nobody would have been asked for more, blocked or refused.';
  const list = parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  const whom = `, for ${exact ? '' : 'at least '}${many(affected, 'person', 'people')}`;
  const out =
    lockedOut.count > 0
      ? ` ${many(lockedOut.count, 'person', 'people')} would have been locked out for lack of a factor.`
      : '';
  return `${list}${whom}.${out}`;
}

function tiles({ recorded, draft, changes, people, perDay }: BacktestReport): Markup {
  const days = Math.max(perDay.length, 1);
  const tile = (label: string, value: string, detail: string, tone = '') =>
    html`<div class="tile ${tone}"><dt>${label}</dt><dd><strong>${value}</strong><span>${detail}</span></dd></div>`;
  const both = (of: 'prompts' | 'blocks' | 'refusals') => {
    const difference = draft[of] - recorded[of];
    return [signed(difference), `from ${number(recorded[of])} to ${number(draft[of])}`] as const;
  };
  const [prompts, blocks, refusals] = [both('prompts'), both('blocks'), both('refusals')];
  return html`<dl class="tiles">
${tile('Prompts', prompts[0], `${prompts[1]}; ${signed((draft.prompts - recorded.prompts) / days)} a day`, 'more')}
${tile('Blocks', blocks[0], blocks[1], 'block')}
${tile('Refreshes refused', refusals[0], refusals[1], 'refusal')}
${tile('People affected', number(people.affected), `of ${number(people.seen)}`, 'people')}
${tile('Locked out', number(people.lockedOut.count), 'for lack of a factor', people.lockedOut.count > 0 ? 'alarm' : 'calm')}
${tile('Unknown', number(changes.unknown), 'facts were not recorded', 'quiet')}
</dl>`;
}
