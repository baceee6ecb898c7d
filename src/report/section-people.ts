/** Whom it concerns: people, and the clients and groups they are asked through and for. */
import type { BacktestReport, GroupRow, PersonRow } from '../domain/backtest/report.ts';
import { columns as columnChart, legend, nameBars, type Series } from './charts.ts';
import { html, type Markup, nothing } from './markup.ts';
import { changeColumns, folded, many, number, samples, table } from './tables.ts';

const people: Series = { name: 'people', colour: '--people' };
const prompts: Series = { name: 'more prompts', colour: '--more' };
const blocks: Series = { name: 'more blocks', colour: '--block' };
const refusals: Series = { name: 'more refused refreshes', colour: '--refusal' };
const series = [prompts, blocks, refusals];
const MOST = 12;
/** People who are seen without asking. */
const SHOWN = 8;

export function peopleSection({ people: its }: BacktestReport): Markup {
  const { affected, seen, exact, most, lockedOut, spread } = its;
  const bars = spread.map(({ from, to, people: value }) => ({
    name: to === null ? `${from}+` : to === from ? `${from}` : `${from}–${to}`,
    series: people.name,
    value,
  }));
  const asked = bars.reduce((sum, { value }) => sum + value, 0);
  return html`<section aria-labelledby="people">
<h2 id="people">People</h2>
<p>${exact ? '' : 'At least '}${many(affected, 'person', 'people')} of ${number(seen)} would have noticed.</p>
${lockedSection(lockedOut)}
${
  asked === 0
    ? nothing
    : html`<h3>How many more prompts each</h3>
<figure>${columnChart({
        id: 'people-spread',
        title: 'How many people have how many more prompts',
        description: `${many(asked, 'person', 'people')} with more prompts: ${bars.map(({ name, value }) => `${name} more: ${value}`).join('; ')}.`,
        bars,
        series: [people],
      })}
<figcaption>People, by the number of prompts more in the whole time</figcaption></figure>
${folded(
  'How many more prompts each, in numbers',
  table({
    caption: 'People by prompts more',
    rows: bars,
    columns: [
      { head: 'More prompts', cell: ({ name }) => name },
      { head: 'People', figure: true, cell: ({ value }) => value },
    ],
  }),
)}`
}
${
  most.length === 0
    ? nothing
    : html`<h3>Most affected</h3>${personTable('People most affected', most.slice(0, SHOWN))}
${most.length <= SHOWN ? nothing : folded(`${many(most.length - SHOWN, 'person', 'people')} more`, personTable('More people most affected', most.slice(SHOWN)))}`
}
</section>`;
}

function lockedSection({ count, some }: BacktestReport['people']['lockedOut']): Markup {
  if (count === 0) return html`<p class="good">Nobody would have been locked out for lack of a factor.</p>`;
  const rest = count > some.length ? ` The ${some.length} most affected are listed.` : '';
  const more = some.slice(SHOWN);
  return html`<div class="alarm-box"><h3>Locked out for lack of a factor: ${number(count)}</h3>
<p>They have no enrolled factor that meets the draft. Ask them to add one before it is in force.${rest}</p>
${personTable('People who would be locked out', some.slice(0, SHOWN))}
${more.length === 0 ? nothing : folded(`${many(more.length, 'person', 'people')} more`, personTable('More people who would be locked out', more))}</div>`;
}

function personTable(caption: string, rows: readonly PersonRow[]): Markup {
  return table({
    caption,
    rows,
    columns: [
      {
        head: 'Person',
        cell: ({ username, account }) =>
          html`<span class="name">${username === '' ? account : username}</span>`,
      },
      ...changeColumns(rows),
      { head: 'Sessions', cell: (row) => samples(row.samples) },
    ],
  });
}

export function clientSection({ clients }: BacktestReport): Markup {
  return rowsSection('clients', 'Clients', 'Client', clients);
}

export function groupSection({ groups }: BacktestReport): Markup {
  if (groups.length === 0) return nothing;
  return rowsSection('groups', 'Groups', 'Group', groups);
}

function rowsSection(id: string, title: string, head: string, rows: readonly GroupRow[]): Markup {
  const named = rows.map((row) => ({ ...row, name: row.name === '' ? 'others' : row.name }));
  const charted = named.filter((row) => total(row) > 0).slice(0, MOST);
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${
  charted.length === 0
    ? html`<p>No more is asked through any of them.</p>`
    : html`<figure>${legend(series.filter((each) => charted.some((row) => valueIn(row, each) > 0)))}
${nameBars({
  id: `${id}-changes`,
  title: `More prompts, blocks and refused refreshes by ${head.toLowerCase()}`,
  description: `The most: ${charted[0]?.name ?? ''}, ${number(charted[0] ? total(charted[0]) : 0)}. The table below has all of them.`,
  bars: charted.flatMap((row) =>
    series.map((each) => ({ name: row.name, series: each.name, value: valueIn(row, each) })),
  ),
  series,
})}</figure>`
}
${folded(
  `${title} in numbers`,
  table({
    caption: `${title} in numbers`,
    rows: named.slice(0, 200),
    columns: [
      { head, cell: ({ name }) => html`<span class="name">${name}</span>` },
      { head: 'Decisions', figure: true, cell: ({ decisions }) => decisions },
      ...changeColumns(named),
      { head: 'Sessions', cell: (row) => samples(row.samples) },
    ],
  }),
)}
</section>`;
}

function valueIn(row: GroupRow, { name }: Series): number {
  if (name === prompts.name) return row.extraPrompts;
  return name === blocks.name ? row.extraBlocks : row.extraRefusals;
}

function total(row: GroupRow): number {
  return row.extraPrompts + row.extraBlocks + row.extraRefusals;
}
