/** `stile policy check` and `explain`: a policy in a file, before it is in force. */
import { loadSettings, readText } from '../config/load.ts';
import { loadFacts } from '../config/policy/facts-file.ts';
import { faultLines, requirePolicy } from '../config/policy/load.ts';
import type { PlacedFault } from '../config/yaml-file.ts';
import type { Level } from '../domain/ladder.ts';
import { explainPolicy, type PartExplained, type RuleExplained } from '../domain/policy/explain.ts';
import type { Effect, Policy } from '../domain/policy/policy.ts';
import { CommandError } from './failures.ts';
import type { ConfigFile } from './load.ts';
import type { Terminal } from './terminal.ts';

export interface PolicyFileOptions extends ConfigFile {
  readonly policy: string;
}

/** Errors: `PolicyError` with every fault. */
export async function policyCheck(terminal: Terminal, options: PolicyFileOptions): Promise<number> {
  const { version, timeZone, rules } = readPolicyFile(options);
  const observed = rules.filter(({ mode }) => mode === 'observe').length;
  terminal.out(`The policy is sound: ${options.policy}`);
  terminal.out(`  version    ${version}`);
  terminal.out(`  time zone  ${timeZone}`);
  terminal.out(`  rules      ${rules.length}${observed > 0 ? `, ${observed} of them only observed` : ''}`);
  return 0;
}

/** The policy of a file, for the levels of the configuration. Errors: `CommandError`, `PolicyError`. */
export function readPolicyFile({ policy, ...options }: PolicyFileOptions): Policy {
  const text = requiredText(policy);
  return requirePolicy(text, { levels: levelsOf(options), file: policy });
}

export function levelsOf(options: ConfigFile): readonly Level[] {
  return loadSettings(options).levels as readonly Level[];
}

/** Error: `CommandError`. */
export function requiredText(file: string): string {
  const text = readText(file);
  if (text === undefined) throw new CommandError(`${file} cannot be read`);
  return text;
}

export function faulty(file: string, faults: readonly PlacedFault[]): CommandError {
  return new CommandError([`${file} cannot be used:`, ...faultLines(file, faults)].join('\n  '));
}

/** What each rule, and each part of it, makes of the facts; then the verdict. */
export async function policyExplain(
  terminal: Terminal,
  { facts: file, ...options }: PolicyFileOptions & { readonly facts: string },
): Promise<number> {
  const policy = readPolicyFile(options);
  const loaded = loadFacts(requiredText(file));
  if (!('facts' in loaded)) throw faulty(file, loaded.faults);
  const { rules, decision } = explainPolicy(policy, loaded.facts);
  for (const line of rules.flatMap(ruleLines)) terminal.out(line);
  terminal.out('verdict');
  for (const { name, reason, ...clause } of decision.clauses) {
    const effect: Effect = {
      kind: 'require',
      ...(clause.acr ? { acr: clause.acr } : {}),
      ...(clause.reauthenticate
        ? { maxAge: 0 }
        : clause.maxAge === undefined
          ? {}
          : { maxAge: clause.maxAge }),
    };
    terminal.out(`  ${effectWords(effect)}: ${reason} (${name})`);
  }
  if (decision.deny) terminal.out(`  deny: ${decision.deny.reason}`);
  for (const { rule } of decision.notify) terminal.out(`  notify (${rule})`);
  if (decision.clauses.length + decision.notify.length === 0 && !decision.deny)
    terminal.out('  nothing is added');
  return 0;
}

function ruleLines({ rule, matched, parts, error }: RuleExplained): string[] {
  const mode = rule.mode === 'observe' ? ', only observed' : '';
  return [
    `${matched ? 'yes' : 'no '}  ${rule.name}: ${effectWords(rule.effect)}${mode}`,
    ...(error === undefined ? [] : [`       failed, and so counts as a match: ${error}`]),
    ...parts.map(partLine),
  ];
}

function partLine({ text, holds, facts }: PartExplained): string {
  const answer = { true: 'yes', false: 'no ', failed: '?  ' }[String(holds)] ?? '';
  const values = Object.entries(facts).map(([name, value]) => `${name} is ${shown(value)}`);
  const because = values.length > 0 ? `    (${values.join(', ')})` : '';
  return `       ${answer}  ${text.replace(/\s+/g, ' ')}${because}`;
}

function shown(value: unknown): string {
  return value === Number.POSITIVE_INFINITY ? 'infinite' : JSON.stringify(value);
}

function effectWords(effect: Effect): string {
  if (effect.kind !== 'require') return effect.kind;
  const { acr = [], maxAge } = effect;
  const fresh = maxAge === 0 ? 'proved for this request' : `proved in the last ${maxAge} s`;
  return ['require', ...(acr.length > 0 ? [acr.join(' or ')] : []), ...(maxAge === undefined ? [] : [fresh])]
    .join(', ')
    .replace('require, ', 'require ');
}
