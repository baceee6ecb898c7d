import { expect, test } from 'vitest';
import { parseGateFile } from '../../src/gate/parse-rules.ts';

const head = 'issuer: https://id.example\naudience: https://api.example\n';

function faults(text: string) {
  const parsed = parseGateFile(text);
  return 'faults' in parsed ? parsed.faults : [];
}

test('a rule says who may pass, and how', () => {
  const parsed = parseGateFile(`${head}rules:
  - { name: pay, methods: [POST], host: bank.example, path: /accounts/:id/transfers, level: phr, maxAge: 300, scopes: [pay] }
  - { path: /health, public: true }
  - { path: /internal/**, deny: true }
`);
  expect('settings' in parsed && parsed.settings.rules).toMatchObject([
    {
      name: 'pay',
      hosts: ['bank.example'],
      effect: { demand: { acr: ['phr'], maxAge: 300, scope: ['pay'] } },
    },
    { name: 'rule-2', effect: { kind: 'public' } },
    { name: 'rule-3', effect: { kind: 'deny' } },
  ]);
});

test('every fault is reported at once, with its line', () => {
  const found = faults(`${head}rules:
  - path: /a
    level: phr
    maxAge: 5
  - path: /a/**/b
    public: true
  - path: /c
    public: true
    deny: true
  - path: /d
  - path: /e
    publik: true
trustedProxies: [10.0.0.0]
`);
  expect(found.map(({ path, line }) => [path, line])).toEqual(
    expect.arrayContaining([
      ['trustedProxies[0]', 15],
      ['rules[0].maxAge', 6],
      ['rules[1].path', 7],
      ['rules[2]', 9],
      ['rules[3]', 12],
      ['rules[4].publik', 14],
    ]),
  );
});

test('a rule that says nothing of who may pass is a fault, not an open door', () => {
  expect(faults(`${head}rules: [{ path: /a }]`)).toHaveLength(1);
});

test.each([
  ['two rules of one name', 'rules: [{ name: a, path: /a, deny: true }, { name: a, path: /b, deny: true }]'],
  ['a method in small letters', 'rules: [{ path: /a, methods: [get], deny: true }]'],
  ['HEAD', 'rules: [{ path: /a, methods: [HEAD], deny: true }]'],
  ['a host with a port', 'rules: [{ path: /a, host: "h:80", deny: true }]'],
  ['a level that would break the challenge', `rules: [{ path: /a, level: 'x"y' }]`],
  ['a setting written twice', 'rules: []\nrules: []'],
  ['no YAML', 'rules: ['],
  [
    'a name that an unnamed rule has',
    'rules: [{ name: rule-2, path: /a, deny: true }, { path: /b, deny: true }]',
  ],
  ['an alias without an anchor', 'rules: *common'],
  ['an alias too often', `a: &a [x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: [${'*b, '.repeat(30)}*b]`],
  ['metrics in the place of a check', 'metrics: { path: /check/original }\nrules: []'],
  ['metrics in the place of AuthZEN', 'metrics: { path: /access/v1/evaluation }\nrules: []'],
  [
    'metrics in the place of the document',
    'metrics: { path: /.well-known/authzen-configuration }\nrules: []',
  ],
  ['metrics in the place of health', 'metrics: { path: /health/live }\nrules: []'],
  ['no address to listen at, which would be all', 'listen: { host: "" }\nrules: []'],
])('%s is a fault', (_what, text) => {
  expect(faults(head + text)).not.toEqual([]);
});

test('an alias that cannot be resolved is told with its line', () => {
  expect(faults(`${head}trustedProxies: &all [10.0.0.0/8]\nrules:\n  - *all\n  - *common`)).toMatchObject([
    { path: '(file)', line: 6, message: expect.stringMatching(/alias.*common/) },
  ]);
});

test.each([
  ['nested too deep', `rules: ${'['.repeat(20_000)}`, { line: 3, message: 'is nested deeper than 100' }],
  [
    'too long',
    `rules: []\n# ${'x'.repeat(1_000_000)}`,
    { line: 1, message: 'is longer than 1000000 characters' },
  ],
])('a file that is %s is not parsed', (_what, text, fault) => {
  expect(faults(head + text)).toEqual([{ path: '(file)', column: 1, ...fault }]);
});

test('metrics may be beside what the gate answers itself', () => {
  expect(faults(`${head}metrics: { path: /checks }\nrules: []`)).toEqual([]);
});

test('an error that is not foreseen is a fault, too', () => {
  expect(faults(`%YAML 1.1\n---\n${head}rules:\n  - { <<: 1 }`)).toMatchObject([{ path: '(file)', line: 1 }]);
});
