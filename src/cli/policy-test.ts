/** `stile policy test`: the tests beside a policy. */
import { dirname, resolve } from 'node:path';
import {
  type Difference,
  loadPolicyTests,
  runPolicyTests,
  type TestReport,
} from '../config/policy/tests-file.ts';
import { CommandError } from './failures.ts';
import type { ConfigFile } from './load.ts';
import { faulty, readPolicyFile, requiredText } from './policy-file.ts';
import type { Terminal } from './terminal.ts';

export interface PolicyTestOptions extends ConfigFile {
  readonly tests: string;
  readonly json: boolean;
}

/** 0 where every test holds, 1 where one does not. Errors: `CommandError`, `PolicyError`. */
export async function policyTest(
  terminal: Terminal,
  { tests: file, json, ...options }: PolicyTestOptions,
): Promise<number> {
  const loaded = loadPolicyTests(requiredText(file));
  if (!('file' in loaded)) throw faulty(file, loaded.faults);
  const { policy = besides(file), tests } = loaded.file;
  const report = runPolicyTests(
    readPolicyFile({ ...options, policy: resolve(dirname(file), policy) }),
    tests,
  );
  const failed = report.results.filter(({ differences }) => differences.length > 0).length;
  if (json) terminal.out(JSON.stringify({ file, passed: tests.length - failed, failed, ...report }, null, 2));
  else for (const line of lines(file, report)) terminal.out(line);
  return failed > 0 ? 1 : 0;
}

/** `x.test.yaml` → `x.yaml`. */
function besides(file: string): string {
  const policy = file.replace(/\.test(\.ya?ml|\.json)$/, '$1');
  if (policy === file)
    throw new CommandError(`${file} names no policy, and is not called x.test.yaml after one`);
  return resolve(policy);
}

function lines(file: string, { results, unmatched, unmissed }: TestReport): string[] {
  const failed = results.filter(({ differences }) => differences.length > 0);
  return [
    ...results.flatMap(({ name, differences }) => [
      `${differences.length === 0 ? 'ok  ' : 'FAIL'}  ${name}`,
      ...differences.flatMap((each) => differenceLines(file, each)),
    ]),
    ...untried('no test makes it match', unmatched),
    ...untried('no near miss tries it', unmissed),
    `${results.length - failed.length} of ${results.length} tests hold`,
  ];
}

function differenceLines(file: string, { line, what, expected, actual }: Difference): string[] {
  if (what.startsWith('nearMisses'))
    return [`      ${file}:${line}: ${what} still matches ${JSON.stringify(actual)}`];
  return [
    `      ${file}:${line}: ${what}`,
    `        - expected  ${JSON.stringify(expected)}`,
    `        + actual    ${JSON.stringify(actual)}`,
  ];
}

function untried(what: string, rules: readonly string[]): string[] {
  return rules.length === 0 ? [] : [`note  ${what}: ${rules.join(', ')}`];
}
