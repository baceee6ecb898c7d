import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { configurationPage, errorsPage } from '../scripts/docs-pages.ts';
import { policyPage, policySchemas } from '../scripts/docs-policy.ts';
import { parseConfig, parseText } from '../src/config/parse.ts';
import { loadPolicy } from '../src/config/policy/load.ts';
import { loadPolicyTests, runPolicyTests } from '../src/config/policy/tests-file.ts';
import { configSchema } from '../src/config/schema.ts';
import { defaultLevels } from '../src/domain/ladder.ts';
import { compileCondition } from '../src/domain/policy/condition.ts';

function read(page: string): string {
  return readFileSync(new URL(`../docs/${page}`, import.meta.url), 'utf8');
}

test('docs/configuration.md says what the schema says (npm run docs)', () => {
  expect(read('configuration.md')).toBe(configurationPage());
});

test('docs/errors.md says what the catalogue says (npm run docs)', () => {
  expect(read('errors.md')).toBe(errorsPage());
});

test('docs/policy.md says what the schema and the facts say, each described (npm run docs)', () => {
  expect(policyPage(read('policy.md'))).toBe(read('policy.md'));
  const rows = read('policy.md').match(/^\| `[^|]*\|.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.filter((row) => /\| +\|$/.test(row))).toEqual([]);
});

test.each(Object.entries(policySchemas()))('%s is what the schema says (npm run docs)', (file, text) => {
  expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toBe(text);
});

test('what docs/policy.md shows is sound: its policy holds its tests, and its conditions load', () => {
  const [policyText = '', , testsText = ''] = [...read('policy.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, text]) => text,
  );
  const { policy, faults } = loadPolicy(policyText, { levels: defaultLevels });
  const tests = loadPolicyTests(testsText);
  expect([faults, tests.faults]).toEqual([[], []]);
  if (!policy || !('file' in tests)) return;
  expect(runPolicyTests(policy, tests.file.tests).results.flatMap(({ differences }) => differences)).toEqual(
    [],
  );
  const [, triggers = ''] = /## The triggers([\s\S]*?)## /.exec(read('policy.md')) ?? [];
  const conditions = [...triggers.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replaceAll('\\|', '|'));
  expect(conditions.length).toBeGreaterThan(8);
  for (const text of conditions) expect(compileCondition(text)).not.toHaveProperty('faults');
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
