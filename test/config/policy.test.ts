import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadFacts } from '../../src/config/policy/facts-file.ts';
import { faultLines, loadPolicy } from '../../src/config/policy/load.ts';
import { loadPolicyTests, runPolicyTests } from '../../src/config/policy/tests-file.ts';
import { defaultLevels } from '../../src/domain/ladder.ts';

const levels = defaultLevels;

function faultsOf(text: string): string[] {
  return faultLines('p.yaml', loadPolicy(text, { levels }).faults);
}

function rule(when: string, more = ''): string {
  return `rules:\n  - name: a\n    when: ${when}\n    deny: true\n    reason: Because.\n${more}`;
}

test('a policy has a version, a time zone and rules', () => {
  const text = `timeZone: Europe/Berlin\n${rule('request.amount > 5')}`;
  const { policy, faults } = loadPolicy(text, { levels });
  expect(faults).toEqual([]);
  expect(policy).toMatchObject({
    version: expect.stringMatching(/^[0-9a-f]{12}$/),
    timeZone: 'Europe/Berlin',
    rules: [
      {
        name: 'a',
        when: 'request.amount > 5',
        effect: { kind: 'deny' },
        reason: 'Because.',
        mode: 'enforce',
      },
    ],
  });
  expect(loadPolicy(`${text}\n`, { levels }).policy?.version).not.toBe(policy?.version);
});

test('every fault at once, each with line and column, in the order of the file', () => {
  const text = `timeZone: Mars/Olympus
rules:
  - name: a b
    whem: request.amount > 5
    require: { acr: [phx], maxage: 3 }
    reason: Because.
  - name: twice
    when: request.amont > 5 && foo
    deny: true
    notify: true
    reason: Because.
  - name: twice
    when: request.event
    require: {}
    mode: watch
`;
  expect(faultsOf(text)).toEqual([
    'p.yaml:1:11: timeZone: is no IANA time zone, such as Europe/Berlin',
    'p.yaml:3:5: rules[0].when: expected string, received undefined',
    'p.yaml:3:11: rules[0].name: a name has 1 to 64 letters, digits, - _ .',
    'p.yaml:4:5: rules[0].whem: there is no such setting; did you mean "when"?',
    'p.yaml:5:22: rules[0].require.acr[0]: no level is called "phx"; did you mean "phr"?',
    'p.yaml:5:28: rules[0].require.maxage: there is no such setting; did you mean "maxAge"?',
    'p.yaml:7:5: rules[1]: says one of require, deny, notify, not deny and notify',
    'p.yaml:8:19: rules[1].when: request has no fact "amont"; did you mean "amount"?',
    'p.yaml:8:32: rules[1].when: there is no fact "foo"',
    'p.yaml:12:5: rules[2].reason: expected string, received undefined',
    'p.yaml:12:11: rules[2].name: an earlier rule has this name',
    'p.yaml:13:11: rules[2].when: a condition is true or false; this is a text',
    'p.yaml:14:14: rules[2].require: says acr, maxAge or both',
    'p.yaml:15:11: rules[2].mode: Invalid option: expected one of "enforce"|"observe"',
  ]);
});

describe('the place of a fault in a condition', () => {
  test.each([
    ['plain', 'request.amont > 5', '3:19'],
    ['in double quotes', '"request.silent || \\"x\\" in request.scops"', '3:47'],
    ['in single quotes', "'client.id == ''x'' || request.amont > 5'", '3:42'],
    ['over lines, literal', '|\n      request.silent ||\n\n        request.amont > 5', '6:17'],
    [
      'over lines, folded',
      '>-\n      request.silent ||\n      client.firstParty ||\n      request.amont > 5',
      '6:15',
    ],
    ['over lines, plain', 'request.silent ||\n      request.amont > 5', '4:15'],
    ['with an escape', '"\\u0072equest.amont > 5"', '3:25'],
    ['at its end', 'request.amount >', '3:27'],
  ])('%s', (_, when, place) => {
    expect(faultsOf(rule(when))).toEqual([expect.stringContaining(`p.yaml:${place}: rules[0].when: `)]);
  });
});

test.each([
  ['a: [', 'p.yaml:1:5: (file): '],
  ['rules: []\nrules: []', 'p.yaml:2:1: (file): Map keys must be unique'],
  ['- 1', 'p.yaml:1:1: (file): expected object'],
  ['rules: *nothing', 'p.yaml:1:8: (file): Unresolved alias'],
  ['', 'p.yaml:1:1: rules: expected array'],
  [rule('"true"', '    nott: 1\n'), 'p.yaml:6:5: rules[0].nott: there is no such setting'],
])('what is no policy: %j', (text, start) => {
  expect(faultsOf(text)[0]).toContain(start);
});

test('all conditions together have a bound', () => {
  const one = (index: number) => `  - { name: r${index}, when: '${dear}', deny: true, reason: x }`;
  const dear = 'account.groups.exists(g, g.startsWith("a") || g.endsWith("b"))';
  const text = `rules:\n${Array.from({ length: 60 }, (_, index) => one(index)).join('\n')}`;
  expect(faultsOf(text)).toEqual([
    expect.stringMatching(/^p.yaml:2:3: rules: all conditions together could take \d+ steps/),
  ]);
});

describe('facts in a file', () => {
  test('are completed', () => {
    const loaded = loadFacts('request: { amount: .inf, scopes: [a] }\ndevice: { kind: mobile }');
    expect('facts' in loaded && loaded.facts).toMatchObject({
      request: { amount: Number.POSITIVE_INFINITY, scopes: ['a'], event: 'authorization' },
      device: { kind: 'mobile', known: false },
      session: { age: -1 },
    });
  });

  test('are checked', () => {
    const { faults } = loadFacts('request: { amont: 5, silent: 1, amount: x }\ndevise: {}');
    expect(faultLines('f.yaml', faults)).toEqual([
      'f.yaml:1:12: request.amont: there is no such setting; did you mean "amount"?',
      'f.yaml:1:30: request.silent: expected boolean, received number',
      'f.yaml:1:41: request.amount: expected a number',
      'f.yaml:2:1: devise: there is no such setting; did you mean "device"?',
    ]);
  });
});

describe('tests of a policy', () => {
  const { policy } = loadPolicy(rule('request.amount > 5 && request.silent'), { levels });
  const run = (text: string) => {
    const loaded = loadPolicyTests(text);
    if (!('file' in loaded) || !policy) throw new Error(JSON.stringify(loaded));
    return runPolicyTests(policy, loaded.file.tests);
  };

  test('say where the verdict differs, with the line', () => {
    const { results, unmissed, unmatched } = run(`tests:
  - name: one
    facts: { request: { amount: 6, silent: true } }
    expect: { rules: [b], deny: false, require: [{ maxAge: 0 }] }
  - name: two
    facts: { request: { amount: 6, silent: true } }
    expect: { rules: [a] }
    nearMisses:
      - request: { silent: false }
      - request: { amount: 6 }
`);
    expect(results).toEqual([
      {
        name: 'one',
        line: 2,
        differences: [
          { line: 4, what: 'rules', expected: ['b'], actual: ['a'] },
          { line: 4, what: 'require', expected: [{ maxAge: 0 }], actual: [] },
          { line: 4, what: 'deny', expected: false, actual: true },
        ],
      },
      {
        name: 'two',
        line: 5,
        differences: [{ line: 10, what: 'nearMisses[1]', expected: [], actual: ['a'] }],
      },
    ]);
    expect({ unmissed, unmatched }).toEqual({ unmissed: [], unmatched: [] });
  });

  test('say which rules nothing tries', () => {
    expect(run('tests: [{ name: x, expect: { rules: [] } }]')).toMatchObject({
      unmatched: ['a'],
      unmissed: ['a'],
    });
  });

  test.each([
    ['tests: [{ name: x, expect: {} }]', 'tests[0].expect: says nothing that could fail'],
    [
      'tests: [{ name: x, expect: { deny: true }, nearMisses: [{}] }]',
      'tests[0].nearMisses: need expect.rules to say what they miss',
    ],
  ])('are checked: %s', (text, fault) => {
    expect(faultLines('t.yaml', loadPolicyTests(text).faults)[0]).toContain(fault);
  });
});

describe('the example policies hold their tests', () => {
  const folder = new URL('../../examples/policies/', import.meta.url);
  const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
  test.each(readdirSync(folder).filter((name) => name.endsWith('.test.yaml')))('%s', (name) => {
    const { policy, faults } = loadPolicy(read(name.replace('.test', '')), { levels });
    expect(faultLines(name, faults)).toEqual([]);
    const loaded = loadPolicyTests(read(name));
    if (!('file' in loaded) || !policy) throw new Error(faultLines(name, loaded.faults).join('\n'));
    const { results, unmatched, unmissed } = runPolicyTests(policy, loaded.file.tests);
    expect(
      results.flatMap(({ name: test, differences }) => differences.map((each) => ({ test, ...each }))),
    ).toEqual([]);
    expect({ unmatched, unmissed }).toEqual({ unmatched: [], unmissed: [] });
  });
});
