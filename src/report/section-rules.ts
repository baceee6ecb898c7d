/** Rule by rule. */
import type { BacktestReport, RuleRow } from '../domain/backtest/report.ts';
import { legend, nameBars, type Series } from './charts.ts';
import { html, type Markup, nothing, type Part } from './markup.ts';
import { type Column, folded, many, number, samples, table } from './tables.ts';

const prompts: Series = { name: 'prompts', colour: '--more' };
const blocks: Series = { name: 'blocks', colour: '--block' };
const refusals: Series = { name: 'refused refreshes', colour: '--refusal' };
const series = [prompts, blocks, refusals];
/** Bars in one chart. */
const MOST = 15;

export function ruleSection({ rules }: BacktestReport): Markup {
  const causing = rules.filter((rule) => alone(rule) > 0).toSorted((a, b) => alone(b) - alone(a));
  const shown = causing.slice(0, MOST);
  const observed = rules.filter(({ mode }) => mode === 'observe');
  return html`<section aria-labelledby="rules">
<h2 id="rules">Rule by rule</h2>
${
  shown.length === 0
    ? html`<p>No rule by itself prompts, blocks or refuses anybody: where one matches, nothing is asked that is not asked anyway.</p>`
    : html`<p>What each rule causes alone: leave it out of the draft and so much is gone.${
        causing.length > shown.length ? ` The first ${shown.length} of ${causing.length}.` : ''
      }</p>
<figure>${legend(series.filter(({ name }) => shown.some((rule) => valueIn(rule, name) > 0)))}
${nameBars({
  id: 'rule-causes',
  title: 'Prompts, blocks and refused refreshes that each rule causes alone',
  description: `The most: ${shown[0]?.name ?? ''}, ${number(alone(shown[0]))}. The table below has every rule.`,
  bars: shown.flatMap((rule) =>
    series.map(({ name }) => ({ name: rule.name, series: name, value: valueIn(rule, name) })),
  ),
  series,
})}</figure>`
}
${table({ caption: 'Rules of the draft', rows: rules.filter(({ mode }) => mode !== null), columns: columns(rules) })}
${goneRules(rules)}
${
  observed.length === 0
    ? nothing
    : html`<p class="fine">${many(observed.length, 'rule')} of the draft ${observed.length === 1 ? 'is' : 'are'} only observed:
counted here, and never felt.</p>`
}
${folded('Sessions behind each rule', sampleTableOf(rules))}
</section>`;
}

function columns(rules: readonly RuleRow[]): Column<RuleRow>[] {
  const always: Column<RuleRow>[] = [
    { head: 'Rule', cell: named },
    { head: 'Matches', figure: true, cell: ({ matched }) => matched },
    { head: 'Matched then', figure: true, cell: ({ matchedBefore }) => matchedBefore },
    { head: 'Prompts alone', figure: true, cell: ({ promptsAlone }) => promptsAlone },
    { head: 'Blocks alone', figure: true, cell: ({ blocksAlone }) => blocksAlone },
    { head: 'Refusals alone', figure: true, cell: ({ refusalsAlone }) => refusalsAlone },
  ];
  const sometimes: Column<RuleRow>[] = [
    { head: 'Unknown', figure: true, cell: ({ unknown }) => unknown },
    { head: 'Failed', figure: true, cell: ({ failed }) => failed },
  ];
  const used = sometimes.filter(({ cell }) => rules.some((row) => cell(row) !== 0));
  return [...always, ...used];
}

function named({ name, effect, mode }: RuleRow): Part {
  const badge = mode === 'observe' ? html` <span class="badge">observed</span>` : nothing;
  return html`<span class="name">${name}</span> <span class="effect">${effect ?? ''}</span>${badge}`;
}

function goneRules(rules: readonly RuleRow[]): Markup {
  const gone = rules.filter(({ mode }) => mode === null);
  if (gone.length === 0) return nothing;
  return table({
    caption: 'Rules that matched then and are not in the draft',
    rows: gone,
    columns: [
      { head: 'Rule', cell: ({ name }) => html`<span class="name">${name}</span>` },
      { head: 'Matched then', figure: true, cell: ({ matchedBefore }) => matchedBefore },
    ],
  });
}

function sampleTableOf(rules: readonly RuleRow[]): Markup {
  return table({
    caption: 'Sessions behind each rule',
    rows: rules.filter((rule) => rule.samples.length > 0),
    columns: [
      { head: 'Rule', cell: named },
      { head: 'Sessions', cell: (rule) => samples(rule.samples) },
    ],
  });
}

function valueIn(rule: RuleRow, name: string): number {
  if (name === prompts.name) return rule.promptsAlone;
  return name === blocks.name ? rule.blocksAlone : rule.refusalsAlone;
}

function alone(rule: RuleRow | undefined): number {
  return rule ? rule.promptsAlone + rule.blocksAlone + rule.refusalsAlone : 0;
}
