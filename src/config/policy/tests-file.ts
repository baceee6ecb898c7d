/** Tests of a policy, beside it in a file: facts in, the expected verdict out, and near misses. Pure. */
import { z } from 'zod';
import { decidePolicy, type PolicyDecision } from '../../domain/policy/decide.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { completeFacts } from '../../domain/policy/prepared-facts.ts';
import { acr, seconds } from '../schema-levels.ts';
import { faultAt, inFileOrder, type PlacedFault, readYaml, shapeFaults } from '../yaml-file.ts';
import { factsSchema } from './facts-file.ts';

const ruleNames = z.array(z.string());

export const testsFileSchema = z.strictObject({
  policy: z
    .string()
    .optional()
    .describe('The policy, relative to this file. Default: the same name without `.test`.'),
  tests: z
    .array(
      z.strictObject({
        name: z.string().trim().min(1).describe('What is expected, in words.'),
        facts: factsSchema.default({}).describe('The facts that matter; the others are at rest.'),
        expect: z
          .strictObject({
            rules: ruleNames.optional().describe('The rules that match, observed ones too: all of them.'),
            require: z
              .array(z.strictObject({ acr: z.array(acr).optional(), maxAge: seconds.optional() }))
              .optional()
              .describe('What enforced rules require: all of it.'),
            deny: z.boolean().optional().describe('Whether an enforced rule denies.'),
            notify: ruleNames.optional().describe('The enforced rules that tell the person: all of them.'),
          })
          .refine((expected) => Object.keys(expected).length > 0, 'says nothing that could fail')
          .describe('The verdict; what is left out is not looked at.'),
        nearMisses: z
          .array(factsSchema)
          .default([])
          .describe('Changes to the facts, each of which makes every rule of `expect.rules` miss.'),
      }),
    )
    .min(1),
});

export type PolicyTest = z.output<typeof testsFileSchema>['tests'][number];

export interface PlacedTest extends PolicyTest {
  readonly line: number;
  /** Of each part of `expect`. */
  readonly expectLines: Readonly<Record<string, number>>;
  /** Of each near miss. */
  readonly missLines: readonly number[];
}

export interface PolicyTests {
  readonly policy?: string;
  readonly tests: readonly PlacedTest[];
}

/** The tests of a file, or what is wrong with it. */
export function loadPolicyTests(
  text: string,
):
  | { readonly file: PolicyTests; readonly faults: readonly [] }
  | { readonly faults: readonly PlacedFault[] } {
  const yaml = readYaml(text);
  if ('faults' in yaml) return yaml;
  const parsed = testsFileSchema.safeParse(yaml.raw ?? {});
  if (!parsed.success)
    return { faults: inFileOrder(shapeFaults(yaml, testsFileSchema, parsed.error.issues)) };
  const { policy, tests } = parsed.data;
  const faults = tests.flatMap(({ expect, nearMisses }, index) =>
    nearMisses.length > 0 && !expect.rules?.length
      ? [faultAt(yaml, ['tests', index, 'nearMisses'], 'need expect.rules to say what they miss')]
      : [],
  );
  if (faults.length > 0) return { faults };
  const placed = tests.map((test, index) => ({
    ...test,
    line: yaml.place(['tests', index]).line,
    expectLines: Object.fromEntries(
      Object.keys(test.expect).map((what) => [what, yaml.place(['tests', index, 'expect', what], true).line]),
    ),
    missLines: test.nearMisses.map((_, miss) => yaml.place(['tests', index, 'nearMisses', miss]).line),
  }));
  return { file: { tests: placed, ...(policy === undefined ? {} : { policy }) }, faults: [] };
}

/** One thing that is otherwise than a test says. */
export interface Difference {
  readonly line: number;
  /** `rules`, `require`, `deny`, `notify` or `nearMisses[0]`. */
  readonly what: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface TestResult {
  readonly name: string;
  readonly line: number;
  readonly differences: readonly Difference[];
}

export interface TestReport {
  readonly results: readonly TestResult[];
  /** Rules that no test makes match, and rules that no near miss of a test makes miss. */
  readonly unmatched: readonly string[];
  readonly unmissed: readonly string[];
}

/** Runs every test; decides as the server does. */
export function runPolicyTests(policy: Policy, tests: readonly PlacedTest[]): TestReport {
  const names = policy.rules.map(({ name }) => name);
  const [matched, missed] = [new Set<string>(), new Set<string>()];
  const results = tests.map((test) => {
    const decision = decidePolicy(policy, completeFacts(test.facts));
    for (const { rule } of decision.matched) matched.add(rule);
    if (test.nearMisses.length > 0) for (const rule of test.expect.rules ?? []) missed.add(rule);
    const differences = [...verdictDifferences(test, decision), ...missDifferences(policy, test)];
    return { name: test.name, line: test.line, differences };
  });
  return {
    results,
    unmatched: names.filter((name) => !matched.has(name)),
    unmissed: names.filter((name) => !missed.has(name)),
  };
}

function verdictDifferences(
  { expect, line, expectLines }: PlacedTest,
  decision: PolicyDecision,
): Difference[] {
  const actual: Readonly<Record<string, unknown>> = {
    rules: decision.matched.map(({ rule }) => rule).sort(),
    require: decision.clauses.map(demandOf).sort(byContent),
    deny: decision.deny !== undefined,
    notify: decision.notify.map(({ rule }) => rule).sort(),
  };
  return Object.entries(expect).flatMap(([what, wanted]) => {
    const expected = Array.isArray(wanted) ? [...wanted].map(inOneOrder).sort(byContent) : wanted;
    return JSON.stringify(expected) === JSON.stringify(actual[what])
      ? []
      : [{ line: expectLines[what] ?? line, what, expected, actual: actual[what] }];
  });
}

/** As a policy says it: a proof made for this request is a maxAge of 0. */
function demandOf({ acr: values, maxAge, reauthenticate }: PolicyDecision['clauses'][number]): object {
  const age = reauthenticate ? 0 : maxAge;
  return { ...(values ? { acr: values } : {}), ...(age === undefined ? {} : { maxAge: age }) };
}

function inOneOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function byContent(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

function missDifferences(
  policy: Policy,
  { facts, expect, nearMisses, missLines, line }: PlacedTest,
): Difference[] {
  return nearMisses.flatMap((change, index) => {
    const { matched } = decidePolicy(policy, completeFacts(merged(facts, change)));
    const still = (expect.rules ?? []).filter((name) => matched.some(({ rule }) => rule === name));
    if (still.length === 0) return [];
    const at = missLines[index] ?? line;
    return [{ line: at, what: `nearMisses[${index}]`, expected: [], actual: still }];
  });
}

/** Group by group; a fact that is said again is replaced. */
function merged(facts: object, change: object): object {
  const groups = Object.entries(change).map(([group, values]) => {
    const before: unknown = group in facts ? facts[group as never] : {};
    return [group, Object.assign({}, before, values)];
  });
  return { ...facts, ...Object.fromEntries(groups) };
}

/** JSON Schema (2020-12) of a file of tests, for editors. */
export function testsJsonSchema(): object {
  const schema = z.toJSONSchema(testsFileSchema, { io: 'input', reused: 'ref', unrepresentable: 'any' });
  return { title: 'Tests of a Stile policy', ...schema };
}
