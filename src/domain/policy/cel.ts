/**
 * The expression language of conditions: CEL, as `@marcbachmann/cel-js` parses, checks and evaluates it. The only file that
 * knows the package.
 *
 * Facts are variables of class types, so that a name nobody knows fails when a rule is loaded, and evaluation is quick. All
 * numbers are of one kind: a literal `1000` is read as the double it is compared with, not as CEL's 64-bit integer.
 */
import { type ASTNode, Environment, type ParseError } from '@marcbachmann/cel-js';
import { detailTypes, type FactType, factGroups, factsOf } from './fact-types.ts';
import { DetailRecord, factRecords, type PreparedFacts } from './prepared-facts.ts';

export type CelNode = ASTNode;

/** What is wrong with an expression, and where: offsets in its text. */
export interface CelFault {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

export interface Expression {
  readonly root: CelNode;
  /** Its type, or what is wrong with its types. */
  check(): { readonly type: string } | CelFault;
  /** Only after a check. Throws where it cannot be evaluated. */
  run(facts: PreparedFacts): unknown;
}

export const MOST_NODES = 300;
export const DEEPEST = 32;
export const LONGEST_LIST = 200;

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

const environment = createEnvironment();

/** Parses one expression: the first fault of its syntax, or the expression, unchecked. */
export function parseExpression(text: string): Expression | CelFault {
  try {
    const parsed = environment.parse(text);
    const unsafe = readNumbers(parsed.ast);
    if (unsafe) return unsafe;
    return {
      root: parsed.ast,
      check: () => {
        const { type = '', error } = parsed.check();
        return error ? faultOf(error, text) : { type };
      },
      run: (facts) => parsed(facts),
    };
  } catch (error) {
    return faultOf(error as ParseError, text);
  }
}

function createEnvironment(): Environment {
  const limits = {
    maxAstNodes: MOST_NODES,
    maxDepth: DEEPEST,
    maxListElements: LONGEST_LIST,
    maxCallArguments: 4,
  };
  const made = new Environment({ limits });
  made.registerType('Detail', { ctor: DetailRecord, fields: celFields(detailTypes) });
  for (const group of factGroups) {
    const type = `Facts_${group}`;
    made.registerType(type, { ctor: factRecords[group], fields: celFields(factsOf(group)) });
    made.registerVariable(group, type);
  }
  // `size()` is an integer still; with these it goes with the other numbers.
  made.registerOperator('int == double', (a: bigint, b: number) => Number(a) === b);
  made.registerOperator('int in list<double>: bool', (a: bigint, list: number[]) => list.includes(Number(a)));
  made.registerOperator('double % double', (a: number, b: number) => a % b);
  for (const [op, work] of Object.entries(arithmetic)) {
    made.registerOperator(`int ${op} double: double`, (a: bigint, b: number) => work(Number(a), b));
    made.registerOperator(`double ${op} int: double`, (a: number, b: bigint) => work(a, Number(b)));
  }
  return made;
}

function celFields(types: Readonly<Record<string, FactType>>): Record<string, string> {
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, celType(type)]));
}

function celType(type: FactType): string {
  switch (type.kind) {
    case 'text':
      return 'string';
    case 'number':
      return 'double';
    case 'flag':
      return 'bool';
    case 'list':
      return type.of === 'text' ? 'list<string>' : 'list<Detail>';
  }
}

/** Turns integer literals into doubles, before any type is decided. The fault: one that a double cannot hold. */
function readNumbers(node: CelNode): CelFault | undefined {
  if (node.op === 'value' && typeof node.args === 'bigint') {
    const value = Number(node.args);
    if (!Number.isSafeInteger(value))
      return { message: 'the number is too large', start: node.start, end: node.end };
    (node as { args: unknown }).args = value;
  }
  for (const child of childrenOf(node)) {
    const fault = readNumbers(child);
    if (fault) return fault;
  }
  return undefined;
}

/** The parts of a node, in the order of the text. */
export function childrenOf(node: CelNode): readonly CelNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}

interface CelError {
  readonly summary?: string;
  readonly message: string;
  readonly code?: string;
  readonly range?: { readonly start: number; readonly end: number } | undefined;
}

function faultOf({ summary, message, range }: CelError, text: string): CelFault {
  const { start = 0, end = start } = range ?? {};
  const plain = inPlainWords(summary ?? message.split('\n')[0] ?? '');
  return { message: plain, start: Math.min(start, text.length), end };
}

/** The library's messages in the words of this language: it has numbers, texts and flags, and lists of them. */
function inPlainWords(message: string): string {
  const [, left, op, right] = /^no such overload: (\S+) (\S+) (\S+)$/.exec(message) ?? [];
  if (left && op && right) return `${op} does not go with ${typeName(left)} and ${typeName(right)}`;
  return message
    .replace(/^Exceeded maxAstNodes.*/, `the condition has more than ${MOST_NODES} parts`)
    .replace(/^Exceeded maxDepth.*/, `the condition is nested more than ${DEEPEST} deep`)
    .replace(/^Exceeded maxListElements.*/, `a list has more than ${LONGEST_LIST} entries`)
    .replace(/'((?:int|double|string|bool|list|Detail|Facts_)[^']*)'/g, (_, type: string) => typeName(type))
    .replace(/\(var, predicate\) predicate must return bool/, ' takes a condition that is true or false')
    .replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase());
}

/** `double` → `a number`. */
export function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    int: 'a number',
    double: 'a number',
    string: 'a text',
    bool: 'true or false',
    Detail: 'a detail',
  };
  if (type.startsWith('list')) return 'a list';
  return names[type] ?? (type.startsWith('Facts_') ? `all of ${type.slice(6)}` : type);
}
