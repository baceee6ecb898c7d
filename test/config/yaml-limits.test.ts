/** What never reaches the YAML parser, and that nothing else is refused. */
import { describe, expect, test } from 'vitest';
import { parseText } from '../../src/config/parse.ts';
import { yamlExcess } from '../../src/config/yaml-limits.ts';

const repeat = (text: string, times: number) => text.repeat(times);
const deep = (indicator: string, times: number) =>
  Array.from({ length: times }, (_, level) => ' '.repeat(level) + indicator).join('\n');

describe.each([101, 20_000])('nested %i times', (times) => {
  test.each([
    ['brackets', `a: ${repeat('[', times)}${repeat(']', times)}`],
    ['brackets that are not closed', repeat('[', times)],
    ['braces', repeat('{a: ', times) + repeat('}', times)],
    ['pairs in one pair of braces', `{ ${repeat('a: ', times)}x }`],
    ['pairs without keys', `[ ${repeat(': ', times)}x ]`],
    ['keys of keys in brackets', `[ ${repeat('? ', times)}x ]`],
    ['brackets that indentation ends', repeat('a: [\nb: ', times)],
    ['lists in one line', `${repeat('- ', times)}x`],
    ['keys of keys', `${repeat('? ', times)}x`],
    ['colons', `${repeat(': ', times)}x`],
    ['mappings in one line', `${repeat('a: ', times)}x`],
    ['quoted keys in one line', `${repeat('"a": ', times)}x`],
    ['aliases as keys', `${repeat('*a : ', times)}x`],
  ])('%s are refused', (_what, text) => {
    expect(yamlExcess(text)).toMatchObject({ message: 'is nested deeper than 100' });
  });
});

test.each(['a:', '"a":', '-', '?', ':'])(
  '%s, deeper on each of 101 lines, is refused with its line',
  (text) => {
    expect(yamlExcess(deep(text, 101))).toEqual({ line: 101, message: 'is nested deeper than 100' });
  },
);

test('lines are counted in texts of several lines, too', () => {
  const text = `a: |\n  b\n  c\n# d\ne: "f\n  g"\nh: ${repeat('[', 101)}`;
  expect(yamlExcess(text)).toMatchObject({ line: 7 });
});

test('a hundred are taken', () => {
  expect(yamlExcess(repeat('[', 100) + repeat(']', 100))).toBeUndefined();
  expect(yamlExcess(deep('a:', 100))).toBeUndefined();
});

test.each([
  ['brackets in texts', `a: "${repeat('[', 999)}"\nb: '${repeat('{', 999)}'\nc: x${repeat('[', 999)}`],
  ['brackets in a comment', `# ${repeat('[', 999)}\na: b`],
  ['brackets and dashes in a block', `a: |\n  ${repeat('- [ ? ', 999)}\n`],
  ['many beside one another', `a: [${repeat('[], {b: c, d: e}, ', 999)}]`],
  ['many pairs', `{${repeat('a: b, ', 999)}}`],
  ['many lines', repeat('- a: [b]\n  c:\n    - d : e\n', 999)],
  ['many settings', repeat('a:\n  b: c\n', 999)],
])('%s are no nesting', (_what, text) => {
  expect(yamlExcess(text)).toBeUndefined();
});

test('a million characters are taken, one more is not', () => {
  const text = `# ${'x'.repeat(999_998)}`;
  expect(yamlExcess(text)).toBeUndefined();
  expect(yamlExcess(`${text}x`)).toEqual({ line: 1, message: 'is longer than 1000000 characters' });
});

test('the configuration is not parsed when it is nested too deep', () => {
  expect(parseText(`issuer:\n  ${repeat('? ', 20_000)}x`)).toEqual({
    faults: [{ path: [], message: 'is nested deeper than 100 at line 2' }],
  });
});
