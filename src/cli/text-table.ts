/** Tables and bars for a terminal of 80 columns. */

export const WIDTH = 80;

export interface TextColumn<T> {
  readonly head: string;
  readonly width: number;
  readonly cell: (row: T) => string;
  /** To the right. */
  readonly figure?: boolean;
}

/** A line of heads, then one for each row; what is too long ends with `…`. */
export function tableLines<T>(rows: readonly T[], columns: readonly TextColumn<T>[]): string[] {
  const line = (cells: readonly string[]) =>
    columns
      .map(({ width, figure }, index) => {
        const text = clipped(cells[index] ?? '', width);
        return figure ? text.padStart(width) : text.padEnd(width);
      })
      .join(' ')
      .trimEnd();
  return [
    line(columns.map(({ head }) => head)),
    ...rows.map((row) => line(columns.map(({ cell }) => cell(row)))),
  ];
}

/** Control characters, which a terminal would obey, are shown as `?`. */
export function clipped(text: string, width: number): string {
  const shown = text.replace(/\p{C}/gu, '?');
  return shown.length <= width ? shown : `${shown.slice(0, width - 1)}…`;
}

export function grouped(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}

/** `+1,200`, `-3`, `0`. */
export function signed(value: number): string {
  return value > 0 ? `+${grouped(value)}` : grouped(value);
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` characters at most, in eighths; anything above nothing is seen. */
export function bar(value: number, most: number, width: number): string {
  if (value <= 0 || most <= 0) return '';
  const parts = Math.max(1, Math.round((value / most) * width * 8));
  return '█'.repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? '');
}

const steps = '▁▂▃▄▅▆▇█';

/** One character for each value, a dot for nothing; values are added up where there are more than `width`. */
export function spark(values: readonly number[], width: number): string {
  const size = Math.max(1, Math.ceil(values.length / width));
  const sums = Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size).reduce((sum, value) => sum + value, 0),
  );
  const most = Math.max(...sums, 1);
  return sums.map((sum) => (sum === 0 ? '·' : steps[Math.min(7, Math.floor((sum / most) * 8))])).join('');
}
