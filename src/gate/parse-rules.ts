/** From the text of the gate's file to rules and settings, or to everything wrong with it. Pure. */
import { type Document, isNode, LineCounter, parseDocument, visit } from 'yaml';
import { yamlExcess } from '../config/yaml-limits.ts';
import { parsePattern } from './pattern.ts';
import type { Effect, Rule } from './rule.ts';
import { type GateFile, gateFileSchema, type RuleInput } from './rules-schema.ts';

/** What is wrong, and where: `rules[3].path`, and a line from 1. */
export interface RuleFault {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface GateSettings extends Omit<GateFile, 'rules'> {
  readonly rules: readonly Rule[];
}

export type ParsedGate = { readonly settings: GateSettings } | { readonly faults: readonly RuleFault[] };

/** The file could not be used: every fault at once. */
export class GateFileError extends Error {
  readonly faults: readonly RuleFault[];

  constructor(faults: readonly RuleFault[]) {
    super(faults.map(({ path, line, message }) => `line ${line}, ${path}: ${message}`).join('\n'));
    this.name = 'GateFileError';
    this.faults = faults;
  }
}

/** Reads YAML, of which JSON is a part. Throws for no text. */
export function parseGateFile(text: string): ParsedGate {
  try {
    return parse(text);
  } catch (error) {
    // What no check foresaw.
    const message = error instanceof Error ? error.message : 'unreadable';
    return { faults: [{ path: '(file)', line: 1, message }] };
  }
}

function parse(text: string): ParsedGate {
  const excess = yamlExcess(text);
  if (excess) return { faults: [{ path: '(file)', ...excess }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      faults: document.errors.map(({ message, pos }) => ({
        path: '(file)',
        line: lines.linePos(pos[0]).line,
        message,
      })),
    };
  }
  const at = (path: readonly PropertyKey[]) => lineOf(document, lines, path);
  const read = readValue(document, lines);
  if ('fault' in read) return { faults: [read.fault] };
  const parsed = gateFileSchema.safeParse(read.value ?? {});
  const faults = parsed.success ? [] : parsed.error.issues.flatMap((issue) => faultsOf(issue, at));
  const repeated = repeatedNames(read.value, at);
  if (!parsed.success || repeated.length > 0) return { faults: [...faults, ...repeated] };
  return { settings: { ...parsed.data, rules: parsed.data.rules.map(ruleOf) } };
}

/** Aliases are resolved here, and may have no anchor, or too many uses. */
function readValue(document: Document, lines: LineCounter): { value: unknown } | { fault: RuleFault } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const offsets: number[] = [];
    visit(document, {
      Alias: (_key, alias) => {
        const [offset = 0] = alias.range ?? [];
        if (alias.resolve(document)) offsets.push(offset);
        else offsets.unshift(offset);
      },
    });
    const { line } = lines.linePos(offsets[0] ?? 0);
    return { fault: { path: '(file)', line, message: error.message } };
  }
}

type LineAt = (path: readonly PropertyKey[]) => number;
type Issue = { readonly path: readonly PropertyKey[]; readonly message: string; readonly code: string };

function faultsOf(issue: Issue, at: LineAt): RuleFault[] {
  const keys: unknown = 'keys' in issue && issue.code === 'unrecognized_keys' ? issue.keys : undefined;
  if (Array.isArray(keys)) {
    return keys.map((key: unknown) => {
      const path = [...issue.path, String(key)];
      return { path: show(path), line: at(path), message: 'there is no such setting' };
    });
  }
  const message = issue.message.replace(/^Invalid input: /, '');
  return [{ path: show(issue.path), line: at(issue.path), message }];
}

function repeatedNames(raw: unknown, at: LineAt): RuleFault[] {
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
    const path = ['rules', index, 'name'];
    return [{ path: show(path), line: at(path), message: 'an earlier rule has this name' }];
  });
}

/** Of a rule that was given none. @param order From 0. */
function nameOf(order: number): string {
  return `rule-${order + 1}`;
}

/** The line of the deepest part of the path that stands in the file. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function show(path: readonly PropertyKey[]): string {
  const shown = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return shown.replace(/^\./, '') || '(file)';
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
