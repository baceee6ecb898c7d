/** Tables: the numbers that the charts are drawn from, and where they come from. */
import type { Changes, Sample } from '../domain/backtest/report.ts';
import { html, type Markup, nothing, type Part } from './markup.ts';

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => Part;
  /** Figures stand to the right, and a zero is quiet. */
  readonly figure?: boolean;
}

export interface Table<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
}

/** The first column heads its row. The whole scrolls where it is too wide, by keyboard too. */
export function table<T>({ caption, columns, rows }: Table<T>): Markup {
  const head = columns.map(
    ({ head: text, figure }) => html`<th scope="col"${figure ? figureClass : nothing}>${text}</th>`,
  );
  const body = rows.map(
    (row) => html`<tr>${columns.map((column, index) => cellOf(column, row, index === 0))}</tr>`,
  );
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
<table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

const figureClass: Markup = { markup: ' class="figure"' };

function cellOf<T>({ cell, figure }: Column<T>, row: T, first: boolean): Markup {
  const value = cell(row);
  if (first) return html`<th scope="row">${value}</th>`;
  if (!figure || typeof value !== 'number') return html`<td>${value}</td>`;
  return value === 0 ? html`<td class="figure zero">0</td>` : html`<td class="figure">${number(value)}</td>`;
}

/** Hidden until it is asked for. */
export function folded(summary: string, content: Markup): Markup {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

export function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** `1 person`, `2 people`. */
export function many(count: number, one: string, more: string = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : more}`;
}

/** With its sign: `+12`, `−3`, `0`. */
export function signed(value: number): string {
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${number(Math.abs(value))}`;
}

export const changeHeads: readonly (readonly [name: keyof Changes, head: string])[] = [
  ['extraPrompts', 'More prompts'],
  ['fewerPrompts', 'Fewer prompts'],
  ['extraBlocks', 'More blocks'],
  ['fewerBlocks', 'Fewer blocks'],
  ['extraRefusals', 'More refusals'],
  ['fewerRefusals', 'Fewer refusals'],
  ['unknown', 'Unknown'],
];

/** A column for each number that is anywhere not 0. */
export function changeColumns<T extends Changes>(rows: readonly T[]): Column<T>[] {
  return changeHeads
    .filter(([name]) => rows.some((row) => row[name] > 0))
    .map(([name, head]) => ({ head, figure: true, cell: (row) => row[name] }));
}

/** Where a number comes from: times and ids, to be looked for in the audit. */
export function samples(list: readonly Sample[]): Markup {
  if (list.length === 0) return html`<span class="zero">none</span>`;
  return html`<ul class="samples">${list.map(
    ({ at, session, event }) => html`<li>${time(at)} <code>${session ?? `event ${event}`}</code></li>`,
  )}</ul>`;
}

export function sampleTable(caption: string, list: readonly Sample[]): Markup {
  return table({
    caption,
    rows: list,
    columns: [
      { head: 'Time, UTC', cell: ({ at }) => time(at) },
      { head: 'Person', cell: ({ account }) => code(account) },
      { head: 'Client', cell: ({ client }) => code(client) },
      { head: 'Session', cell: ({ session }) => code(session ?? '–') },
      { head: 'Transaction', cell: ({ transaction }) => code(transaction) },
      { head: 'Event', cell: ({ event }) => code(event) },
    ],
  });
}

export function code(text: string): Markup {
  return html`<code>${text}</code>`;
}

/** `2026-11-27 09:30`, UTC. */
export function time(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
