/** From the text of the gate's file to rules and settings, or to everything wrong with it. Pure. */
import { faultAt, type PlacedFault, readYaml, shapeFaults, type YamlFile } from '../config/yaml-file.ts';
import { parsePattern } from './pattern.ts';
import type { Effect, Rule } from './rule.ts';
import { type GateFile, gateFileSchema, type RuleInput } from './rules-schema.ts';

export interface GateSettings extends Omit<GateFile, 'rules'> {
  readonly rules: readonly Rule[];
}

export type ParsedGate = { readonly settings: GateSettings } | { readonly faults: readonly PlacedFault[] };

/** The file could not be used: every fault at once. */
export class GateFileError extends Error {
  readonly faults: readonly PlacedFault[];

  constructor(faults: readonly PlacedFault[]) {
    super(faults.map(({ path, line, message }) => `line ${line}, ${path}: ${message}`).join('\n'));
    this.name = 'GateFileError';
    this.faults = faults;
  }
}

/** Reads YAML, of which JSON is a part. Throws for no text. */
export function parseGateFile(text: string): ParsedGate {
  const file = readYaml(text);
  if ('faults' in file) return file;
  const parsed = gateFileSchema.safeParse(file.raw ?? {});
  const faults = parsed.success ? [] : shapeFaults(file, gateFileSchema, parsed.error.issues);
  const repeated = repeatedNames(file);
  if (!parsed.success || repeated.length > 0) return { faults: [...faults, ...repeated] };
  return { settings: { ...parsed.data, rules: parsed.data.rules.map(ruleOf) } };
}

function repeatedNames(file: YamlFile): PlacedFault[] {
  const { raw } = file;
  const rules: unknown = typeof raw === 'object' && raw !== null && 'rules' in raw ? raw.rules : [];
  if (!Array.isArray(rules)) return [];
  const seen = new Set<unknown>();
  return rules.flatMap((rule: unknown, index) => {
    const given: unknown =
      typeof rule === 'object' && rule !== null && 'name' in rule ? rule.name : undefined;
    const name = given ?? nameOf(index);
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [faultAt(file, ['rules', index, 'name'], 'an earlier rule has this name')];
  });
}

/** Of a rule that was given none. @param order From 0. */
function nameOf(order: number): string {
  return `rule-${order + 1}`;
}

function ruleOf(input: RuleInput, order: number): Rule {
  const pattern = parsePattern(input.path);
  return {
    order,
    name: input.name ?? nameOf(order),
    pattern: input.path,
    parts: 'parts' in pattern ? pattern.parts : [],
    effect: effectOf(input),
    ...(input.methods ? { methods: [...new Set(input.methods)] } : {}),
    ...(input.host ? { hosts: [...new Set(input.host)] } : {}),
    ...(input.claims ? { claims: input.claims } : {}),
  };
}

function effectOf({ level, maxAge, scopes, ...input }: RuleInput): Effect {
  if (input.public) return { kind: 'public' };
  if (input.deny) return { kind: 'deny' };
  const demand = Object.freeze({
    ...(level ? { acr: level } : {}),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(scopes ? { scope: scopes } : {}),
  });
  return { kind: 'token', demand };
}
