/**
 * Charts as SVG, drawn without a browser: the only file that knows the chart library. Colours are variables of the page, so that
 * one drawing serves light, dark and paper. Each is drawn twice, for wide and for narrow screens.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { html, type Markup } from './markup.ts';

const { document } = parseHTML('<!doctype html><body></body>');

export interface Series {
  readonly name: string;
  /** A variable of the page, as `--more`. */
  readonly colour: string;
}

export interface Drawing {
  readonly id: string;
  readonly title: string;
  /** What is to be seen in it, for whoever does not. */
  readonly description: string;
}

const widths = { wide: 760, narrow: 360 } as const;
type Width = keyof typeof widths;

type Options = Plot.PlotOptions;

function draw(drawing: Drawing, options: (width: Width) => Options): Markup {
  return html`${(['wide', 'narrow'] as const).map((width) => drawn(drawing, width, options(width)))}`;
}

function drawn({ id, title, description }: Drawing, width: Width, options: Options): Markup {
  const svg = Plot.plot({
    document: document as never,
    width: widths[width],
    style: { fontFamily: 'inherit', fontSize: width === 'wide' ? '13px' : '12px', background: 'none' },
    className: `chart-${width}`,
    ...options,
  }) as unknown as SvgElement;
  const named = (tag: string, text: string) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag) as unknown as SvgElement;
    element.setAttribute('id', `${id}-${width}-${tag}`);
    element.textContent = text;
    return element;
  };
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-labelledby', `${id}-${width}-title ${id}-${width}-desc`);
  svg.prepend(named('title', title), named('desc', description));
  // What is inside is told by title and description, and number by number in the table beside it.
  const text = svg.outerHTML.replace(/ aria-(label|hidden|description)="[^"]*"/g, '');
  return { markup: text };
}

interface SvgElement {
  setAttribute(name: string, value: string): void;
  prepend(...children: SvgElement[]): void;
  textContent: string;
  readonly outerHTML: string;
}

export interface DayPoint {
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly series: string;
  /** Below zero: it grows downwards. */
  readonly value: number;
}

export interface DayChart extends Drawing {
  readonly points: readonly DayPoint[];
  readonly series: readonly Series[];
}

/** Stacked bars, one a day, up and down from a line. */
export function dayBars({ points, series, ...drawing }: DayChart): Markup {
  const rows = points.map((point) => ({ ...point, day: new Date(`${point.date}T00:00:00Z`) }));
  return draw(drawing, (width) => ({
    height: width === 'wide' ? 280 : 230,
    marginLeft: 46,
    marginRight: 12,
    x: { type: 'utc', label: null, ticks: width === 'wide' ? 8 : 4 },
    y: { label: null, ticks: 5, tickFormat: (value: number) => Math.abs(value).toLocaleString('en') },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => `var(${colour})`) },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      Plot.rectY(rows, {
        x: 'day',
        y: 'value',
        interval: 'day',
        fill: 'series',
        order: series.map(({ name }) => name),
        insetLeft: rows.length > 120 ? 0.3 : 1.2,
        insetRight: rows.length > 120 ? 0.3 : 1.2,
        rx: 1.5,
      }),
      Plot.ruleY([0], { stroke: 'var(--axis)' }),
    ],
  }));
}

/** Lines over days; the last series is filled below. */
export function dayLines({ points, series, ...drawing }: DayChart): Markup {
  const rows = points.map((point) => ({ ...point, day: new Date(`${point.date}T12:00:00Z`) }));
  const filled = series.at(-1)?.name;
  return draw(drawing, (width) => ({
    height: width === 'wide' ? 280 : 230,
    marginLeft: 46,
    marginRight: 12,
    x: { type: 'utc', label: null, ticks: width === 'wide' ? 8 : 4 },
    y: { label: null, ticks: 5, zero: true, tickFormat: (value: number) => value.toLocaleString('en') },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => `var(${colour})`) },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      Plot.areaY(
        rows.filter((row) => row.series === filled),
        { x: 'day', y: 'value', fill: 'series', fillOpacity: 0.14, curve: 'monotone-x' },
      ),
      Plot.lineY(rows, {
        x: 'day',
        y: 'value',
        stroke: 'series',
        strokeWidth: 2.25,
        curve: 'monotone-x',
        strokeLinecap: 'round',
      }),
      Plot.dot(rows.length <= 4 ? rows : [], { x: 'day', y: 'value', fill: 'series', r: 4 }),
      Plot.ruleY([0], { stroke: 'var(--axis)' }),
    ],
  }));
}

export interface Bar {
  readonly name: string;
  readonly series: string;
  readonly value: number;
}

export interface BarChart extends Drawing {
  readonly bars: readonly Bar[];
  readonly series: readonly Series[];
}

/** Stacked bars from the left, one for each name in the order given, with the sum at the end. */
export function nameBars({ bars, series, ...drawing }: BarChart): Markup {
  const names = [...new Set(bars.map(({ name }) => name))];
  const sums = names.map((name) => ({
    name,
    sum: bars.filter((bar) => bar.name === name).reduce((total, { value }) => total + value, 0),
  }));
  return draw(drawing, (width) => {
    const longest = width === 'wide' ? 30 : 17;
    return {
      height: names.length * (width === 'wide' ? 32 : 30) + 16,
      marginTop: 4,
      marginBottom: 12,
      marginLeft: Math.min(longest, Math.max(...names.map((name) => name.length), 4)) * 7.4 + 14,
      marginRight: 62,
      x: { axis: null },
      y: {
        domain: names,
        label: null,
        tickSize: 0,
        padding: 0.36,
        tickFormat: (name: string) => shortened(name, longest),
      },
      color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => `var(${colour})`) },
      marks: [
        Plot.barX(bars, {
          x: 'value',
          y: 'name',
          fill: 'series',
          order: series.map(({ name }) => name),
          rx: 2,
        }),
        Plot.text(sums, {
          x: 'sum',
          y: 'name',
          text: ({ sum }: { sum: number }) => sum.toLocaleString('en'),
          textAnchor: 'start',
          dx: 7,
          fill: 'currentColor',
          fontWeight: 600,
        }),
        Plot.ruleX([0], { stroke: 'var(--axis)' }),
      ],
    };
  });
}

/** Upright bars, one for each name in the order given, with its number above. */
export function columns({ bars, series, ...drawing }: BarChart): Markup {
  const names = [...new Set(bars.map(({ name }) => name))];
  return draw(drawing, (width) => ({
    height: width === 'wide' ? 220 : 200,
    marginLeft: 8,
    marginRight: 8,
    marginTop: 24,
    x: { domain: names, label: null, tickSize: 0, padding: 0.3 },
    y: { axis: null },
    color: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => `var(${colour})`) },
    marks: [
      Plot.barY(bars, { x: 'name', y: 'value', fill: 'series', rx: 2 }),
      Plot.text(bars, {
        x: 'name',
        y: 'value',
        text: ({ value }: Bar) => value.toLocaleString('en'),
        dy: -9,
        fill: 'currentColor',
        fontWeight: 600,
      }),
      Plot.ruleY([0], { stroke: 'var(--axis)' }),
    ],
  }));
}

function shortened(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

/** What the colours mean. */
export function legend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${series.map(
    ({ name, colour }) =>
      html`<li><span class="swatch" style="background: var(${colour})"></span>${name}</li>`,
  )}</ul>`;
}
