import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/infra/package-root.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';

const types: Readonly<Record<string, string>> = {
  String: 'text',
  'String[]': '_text',
  BigInt: 'int8',
  Int: 'int4',
  Boolean: 'bool',
  Json: 'jsonb',
  Bytes: 'bytea',
  'Unsupported("xid8")': 'xid8',
};

/** `table.column type null?` of every scalar field of prisma/schema.prisma. */
function columnsOfSchema(): string[] {
  const text = readFileSync(join(packageRoot(), 'prisma', 'schema.prisma'), 'utf8');
  return [...text.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)].flatMap(([, body = '']) => {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1] ?? '';
    return [...body.matchAll(/^ {2}(\w+)\s+(\w+(?:\[\]|\("\w+"\))?)(\?)?([^\n]*)$/gm)]
      .filter(([, , type = '']) => type in types)
      .map(([, field, type = '', optional, rest = '']) => {
        const column = /@map\("(\w+)"\)/.exec(rest)?.[1] ?? field;
        return `${table}.${column} ${types[type]}${optional ? ' null' : ''}`;
      });
  });
}

describe.skipIf(noPostgres)("Prisma's schema", () => {
  let fresh: OpenTestDatabase;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
  });
  afterAll(() => fresh.drop());

  test('names every column of the migrations, with its type, and no other', async () => {
    const { rows } = await fresh.db.query<{ line: string }>(
      `SELECT table_name || '.' || column_name || ' ' || udt_name
         || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END AS "line"
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
    );
    expect(columnsOfSchema().sort()).toEqual(rows.map(({ line }) => line).sort());
  });
});
