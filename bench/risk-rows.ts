/** Rows in the column layout of the public "Login Data Set for Risk-Based Authentication", read as a stream. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export const columns = [
  'index',
  'Login Timestamp',
  'User ID',
  'Round-Trip Time [ms]',
  'IP Address',
  'Country',
  'Region',
  'City',
  'ASN',
  'User Agent String',
  'Browser Name and Version',
  'OS Name and Version',
  'Device Type',
  'Login Successful',
  'Is Attack IP',
  'Is Account Takeover',
] as const;

export type Row = Readonly<Record<(typeof columns)[number], string>>;

/** Lines of such a file, its head first. Columns are found by their names. */
export async function* readRows(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Row> {
  let head: readonly string[] | undefined;
  for await (const line of lines) {
    const fields = splitLine(line);
    if (head) yield Object.fromEntries(head.map((name, at) => [name, fields[at] ?? ''])) as Row;
    else head = checked(fields);
  }
}

export function linesOf(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
}

function checked(head: readonly string[]): readonly string[] {
  const missing = columns.filter((name) => name !== 'index' && !head.includes(name));
  if (missing.length > 0) throw new Error(`the file has no column ${missing.join(', ')}`);
  return head;
}

/** RFC 4180, but for fields over several lines, of which the set has none. */
export function splitLine(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  );
}

export function joinLine(fields: readonly (string | number | boolean)[]): string {
  return fields
    .map(String)
    .map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}
