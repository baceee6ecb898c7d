/** Day by day. */
import type { BacktestReport, Change, DayRow } from '../domain/backtest/report.ts';
import { dayBars, dayLines, legend, type Series } from './charts.ts';
import { html, type Markup, nothing } from './markup.ts';
import { changeColumns, folded, many, number, sampleTable, table } from './tables.ts';

const now: Series = { name: 'as recorded', colour: '--recorded' };
const draft: Series = { name: 'under the draft', colour: '--draft' };
const more: Series = { name: 'more', colour: '--more' };
const fewer: Series = { name: 'fewer', colour: '--fewer' };
const blocks: Series = { name: 'blocks', colour: '--block' };
const refusals: Series = { name: 'refused refreshes', colour: '--refusal' };

export function promptSection({ perDay, recorded, draft: its, changes, samples }: BacktestReport): Markup {
  const levels = perDay.flatMap((day) => [
    { date: day.date, series: now.name, value: day.recorded.prompts },
    { date: day.date, series: draft.name, value: day.draft.prompts },
  ]);
  const differences = perDay.flatMap(({ date, extraPrompts, fewerPrompts }) => [
    { date, series: more.name, value: extraPrompts },
    { date, series: fewer.name, value: -fewerPrompts },
  ]);
  return html`<section aria-labelledby="prompts">
<h2 id="prompts">Prompts, day by day</h2>
<p>A prompt asks somebody who is signed in, or has just proved a first factor, for more.
${many(recorded.prompts, 'prompt')} as recorded, ${number(its.prompts)} under the draft.</p>
<figure>${legend([now, draft])}
${dayLines({
  id: 'prompt-days',
  title: 'Prompts a day, as recorded and under the draft',
  description: `From ${number(recorded.prompts)} to ${number(its.prompts)} over ${many(perDay.length, 'day')}; ${peak(perDay)}`,
  points: levels,
  series: [now, draft],
})}</figure>
${
  changes.extraPrompts + changes.fewerPrompts === 0
    ? nothing
    : html`<figure><figcaption>Of these, different</figcaption>${legend([more, fewer])}
${dayBars({
  id: 'prompt-changes',
  title: 'Prompts more and fewer a day',
  description: `${many(changes.extraPrompts, 'prompt')} more, drawn upwards, and ${number(changes.fewerPrompts)} fewer, drawn downwards.`,
  points: differences,
  series: [more, fewer],
})}</figure>`
}
${folded('Every day in numbers', dayTable(perDay))}
${shownSamples('More prompts', samples, ['extraPrompts'])}
${shownSamples('Fewer prompts', samples, ['fewerPrompts'])}
</section>`;
}

function peak(perDay: readonly DayRow[]): string {
  const [top] = perDay.toSorted((a, b) => b.draft.prompts - a.draft.prompts);
  return top ? `the most under the draft are ${number(top.draft.prompts)}, on ${top.date}.` : '';
}

function dayTable(perDay: readonly DayRow[]): Markup {
  return table({
    caption: 'Days',
    rows: perDay,
    columns: [
      { head: 'Day', cell: ({ date }) => (date === '' ? 'other days' : date) },
      { head: 'Decisions', figure: true, cell: ({ decisions }) => decisions },
      { head: 'Prompts', figure: true, cell: ({ recorded }) => recorded.prompts },
      { head: 'Under the draft', figure: true, cell: ({ draft: its }) => its.prompts },
      ...changeColumns(perDay),
    ],
  });
}

export function blockSection({ perDay, changes, samples }: BacktestReport): Markup {
  const { extraBlocks, fewerBlocks, extraRefusals, fewerRefusals } = changes;
  if (extraBlocks + fewerBlocks + extraRefusals + fewerRefusals === 0) return nothing;
  const points = perDay.flatMap((day) => [
    { date: day.date, series: blocks.name, value: day.extraBlocks },
    { date: day.date, series: blocks.name, value: -day.fewerBlocks },
    { date: day.date, series: refusals.name, value: day.extraRefusals },
    { date: day.date, series: refusals.name, value: -day.fewerRefusals },
  ]);
  return html`<section aria-labelledby="blocks">
<h2 id="blocks">Blocks and refused refreshes</h2>
<p>${many(extraBlocks, 'request')} more blocked, ${number(fewerBlocks)} fewer;
${many(extraRefusals, 'refresh', 'refreshes')} more refused, ${number(fewerRefusals)} fewer.
A refused refresh ends the tokens; the client sends the person to sign in.</p>
<figure>${legend([blocks, refusals])}
${dayBars({
  id: 'block-changes',
  title: 'Blocks and refused refreshes more and fewer a day',
  description: `More are drawn upwards, fewer downwards. Blocks: ${extraBlocks} more, ${fewerBlocks} fewer. Refused refreshes: ${extraRefusals} more, ${fewerRefusals} fewer.`,
  points,
  series: [blocks, refusals],
})}</figure>
${shownSamples('More blocks', samples, ['extraBlocks'])}
${shownSamples('Fewer blocks', samples, ['fewerBlocks'])}
${shownSamples('More refused refreshes', samples, ['extraRefusals'])}
${shownSamples('Fewer refused refreshes', samples, ['fewerRefusals'])}
</section>`;
}

/** Some of the decisions behind a number. */
export function shownSamples(
  what: string,
  samples: BacktestReport['samples'],
  changes: readonly Change[],
): Markup {
  const list = changes.flatMap((change) => samples[change]);
  if (list.length === 0) return nothing;
  const caption = `${what}: the sessions behind the number, the first ${list.length}`;
  return folded(`${what}: sessions behind the number`, sampleTable(caption, list));
}
