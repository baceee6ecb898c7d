import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configurationPage, errorsPage } from '../scripts/docs-pages.ts';
import { parseConfig, parseText } from '../src/config/parse.ts';
import { configSchema } from '../src/config/schema.ts';

function read(page: string): string {
  return readFileSync(new URL(`../docs/${page}`, import.meta.url), 'utf8');
}

test('docs/configuration.md says what the schema says (npm run docs)', () => {
  expect(read('configuration.md')).toBe(configurationPage());
});

test('docs/errors.md says what the catalogue says (npm run docs)', () => {
  expect(read('errors.md')).toBe(errorsPage());
});

test('every setting has a description', () => {
  const bare: string[] = [];
  const visit = (path: string, node: Record<string, unknown>): void => {
    for (const [name, child] of Object.entries((node['properties'] ?? {}) as Record<string, object>)) {
      if (!('description' in child)) bare.push(`${path}${name}`);
      visit(`${path}${name}.`, child as Record<string, unknown>);
    }
    for (const part of ['items', 'additionalProperties']) {
      const below = node[part];
      if (typeof below === 'object' && below !== null) visit(`${path}*.`, below as Record<string, unknown>);
    }
  };
  visit('', z.toJSONSchema(configSchema, { io: 'input', reused: 'inline' }) as Record<string, unknown>);
  expect(bare).toEqual([]);
});

test('the example in docs/configuration.md is a sound configuration', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(read('configuration.md')) ?? [];
  const text = parseText(example);
  expect('raw' in text ? parseConfig(text.raw).faults : text.faults).toEqual([]);
});
