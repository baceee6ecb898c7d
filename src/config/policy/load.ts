/** From the text of a policy to rules that can be asked, or to everything wrong with it. Pure. */
import { createHash } from 'node:crypto';
import { findLevel, type Level } from '../../domain/level.ts';
import { compileCondition } from '../../domain/policy/condition.ts';
import type { Effect, Policy, Rule } from '../../domain/policy/policy.ts';
import { hint } from '../../domain/similar.ts';
import {
  faultAt,
  inFileOrder,
  type PlacedFault,
  readYaml,
  shapeFaults,
  type YamlFile,
} from '../yaml-file.ts';
import { effects, policyFileSchema, type RuleInput } from './schema.ts';

/** Characters of a policy. */
export const LONGEST_POLICY = 256 * 1024;
/** Steps all conditions together may take, see `costOf`: some ten milliseconds. */
export const HIGHEST_POLICY_COST = 500_000;

export interface PolicyContext {
  /** What an `acr` may name. */
  readonly levels: readonly Level[];
  /** What the text is called in messages; a file, or a version in the database. */
  readonly file: string;
}

/** The policy, or its faults in the order of the text: shape, conditions, levels and names, all at once. */
export function loadPolicy(
  text: string,
  { levels }: Pick<PolicyContext, 'levels'>,
): { readonly policy?: Policy; readonly faults: readonly PlacedFault[] } {
  if (text.length > LONGEST_POLICY)
    return {
      faults: [{ path: '(file)', line: 1, column: 1, message: `has more than ${LONGEST_POLICY} characters` }],
    };
  const file = readYaml(text);
  if ('faults' in file) return file;
  const parsed = policyFileSchema.safeParse(file.raw ?? {});
  const shape = parsed.success ? [] : shapeFaults(file, policyFileSchema, parsed.error.issues);
  const faults = inFileOrder([...shape, ...ruleFaults(file, levels)]);
  if (!parsed.success || faults.length > 0) return { faults };
  const { timeZone, rules } = parsed.data;
  return { policy: { version: textVersion(text), timeZone, rules: rules.map(ruleOf) }, faults: [] };
}

/** Thrown where a policy must be sound: every fault, each with its place. */
export class PolicyError extends Error {
  readonly faults: readonly PlacedFault[];

  constructor(file: string, faults: readonly PlacedFault[]) {
    super(faultLines(file, faults).join('\n'));
    this.name = 'PolicyError';
    this.faults = faults;
  }
}

/** Error: `PolicyError`. */
export function requirePolicy(text: string, context: PolicyContext): Policy {
  const { policy, faults } = loadPolicy(text, context);
  if (!policy) throw new PolicyError(context.file, faults);
  return policy;
}

/** `policy.yaml:3:11: rules[0].when: …`, as editors and terminals understand it. */
export function faultLines(file: string, faults: readonly PlacedFault[]): string[] {
  return faults.map(({ path, line, column, message }) => `${file}:${line}:${column}: ${path}: ${message}`);
}

/** Names a text: the start of its SHA-256. */
export function textVersion(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The policy of whoever configures none. */
export const emptyPolicy: Policy = { version: 'none', timeZone: 'UTC', rules: [] };

// Checks of the raw file, so that a wrong shape in one place hides nothing in another ---------------------------

type Raw = Readonly<Record<string, unknown>>;

function ruleFaults(file: YamlFile, levels: readonly Level[]): PlacedFault[] {
  const list = isObject(file.raw) && Array.isArray(file.raw['rules']) ? file.raw['rules'] : [];
  const rules = list.map((rule: unknown): Raw => (isObject(rule) ? rule : {}));
  return [
    ...rules.flatMap((rule, index) => [
      ...effectFaults(file, rule, index),
      ...conditionFaults(file, rule, index),
      ...levelFaults(file, rule, { index, levels }),
      ...nameFaults(file, rules, index),
    ]),
    ...costFaults(file, rules),
  ];
}

function effectFaults(file: YamlFile, rule: Raw, index: number): PlacedFault[] {
  const said = effects.filter((effect) => rule[effect] !== undefined);
  const { require } = rule;
  if (said.length !== 1)
    return [
      faultAt(
        file,
        ['rules', index],
        `says one of ${effects.join(', ')}, not ${said.join(' and ') || 'none'}`,
      ),
    ];
  return isObject(require) && require['acr'] === undefined && require['maxAge'] === undefined
    ? [faultAt(file, ['rules', index, 'require'], 'says acr, maxAge or both')]
    : [];
}

function conditionFaults(file: YamlFile, { when }: Raw, index: number): PlacedFault[] {
  if (typeof when !== 'string') return [];
  const compiled = compileCondition(when);
  const path = ['rules', index, 'when'];
  if (!('faults' in compiled)) return [];
  return compiled.faults.map(({ message, start }) => ({
    ...faultAt(file, path, message),
    ...file.placeIn(path, start),
  }));
}

function levelFaults(
  file: YamlFile,
  { require }: Raw,
  { index, levels }: { readonly index: number; readonly levels: readonly Level[] },
): PlacedFault[] {
  const acr: unknown = isObject(require) ? require['acr'] : undefined;
  const names = levels.flatMap((level) => [level.acr, ...level.aliases]);
  return (Array.isArray(acr) ? acr : []).flatMap((value: unknown, at) =>
    typeof value !== 'string' || findLevel(levels, value)
      ? []
      : [
          faultAt(
            file,
            ['rules', index, 'require', 'acr', at],
            `no level is called "${value}"${hint(value, names)}`,
          ),
        ],
  );
}

function nameFaults(file: YamlFile, rules: readonly Raw[], index: number): PlacedFault[] {
  const name = rules[index]?.['name'];
  const earlier = rules.slice(0, index).some((rule) => name !== undefined && rule['name'] === name);
  return earlier ? [faultAt(file, ['rules', index, 'name'], 'an earlier rule has this name')] : [];
}

function costFaults(file: YamlFile, rules: readonly Raw[]): PlacedFault[] {
  const costs = rules.map(({ when }) => {
    const compiled = typeof when === 'string' ? compileCondition(when) : undefined;
    return compiled && 'cost' in compiled ? compiled.cost : 0;
  });
  const cost = costs.reduce((sum, each) => sum + each, 0);
  const message = `all conditions together could take ${cost} steps; ${HIGHEST_POLICY_COST} are allowed`;
  return cost > HIGHEST_POLICY_COST ? [faultAt(file, ['rules'], message)] : [];
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// ------------------------------------------------------------------------------------------------------------

function ruleOf(input: RuleInput): Rule {
  const { name, when, reason, mode } = input;
  const condition = compileCondition(when);
  if ('faults' in condition) throw new Error(`the condition of ${name} was checked and does not compile`);
  const { matches, needs } = condition;
  return { name, when, matches, needs, effect: effectOf(input), reason, mode };
}

function effectOf({ require, deny }: RuleInput): Effect {
  if (deny) return { kind: 'deny' };
  if (!require) return { kind: 'notify' };
  const { acr, maxAge } = require;
  return { kind: 'require', ...(acr ? { acr } : {}), ...(maxAge === undefined ? {} : { maxAge }) };
}
