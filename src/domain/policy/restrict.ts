/**
 * What a condition may contain. Everything else is refused when it is loaded, so that no condition can take long, fail, or
 * hold for want of a name.
 */
import { hint } from '../similar.ts';
import { type CelFault, type CelNode, childrenOf } from './cel.ts';
import { detailTypes, type FactType, factGroups, factsOf, isFactGroup, type ListFact } from './fact-types.ts';

const operators = new Set<string>([
  ...['value', 'id', '.', 'call', 'rcall', 'list', '?:', '||', '&&', '!_', '-_'],
  ...['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%'],
]);

/** Functions that look at each entry of a list. */
export const comprehensions: readonly string[] = ['exists', 'all', 'exists_one', 'filter'];
const methods = [...comprehensions, 'size', 'startsWith', 'endsWith', 'contains', 'lowerAscii', 'upperAscii'];

/** Everything in the expression that may not be. */
export function refusals(root: CelNode): CelFault[] {
  return refused(root, { names: {}, within: false });
}

interface Scope {
  /** Names that list functions around give the entries of a list, and what these are. */
  readonly names: Readonly<Record<string, ListFact['of']>>;
  readonly within: boolean;
}

function refused(node: CelNode, scope: Scope): CelFault[] {
  const own = refusal(node, scope);
  if (own !== undefined) return [own];
  const each = node.op === 'rcall' && comprehensions.includes(node.args[0]) ? node.args : undefined;
  if (!each) return childrenOf(node).flatMap((child) => refused(child, scope));
  const [, list, [variable, ...predicates]] = each;
  const name = variable?.op === 'id' ? variable.args : '';
  const inner = { names: { ...scope.names, [name]: entriesOf(list) }, within: true };
  return [...refused(list, scope), ...predicates.flatMap((predicate) => refused(predicate, inner))];
}

function entriesOf(list: CelNode): ListFact['of'] {
  if (list.op === 'rcall' && list.args[0] === 'filter') return entriesOf(list.args[1]);
  const type = factType(list);
  return type?.kind === 'list' ? type.of : 'text';
}

function refusal(node: CelNode, scope: Scope): CelFault | undefined {
  if (node.op === '==' || node.op === '!=' || node.op === 'in')
    return impossibleValue(node.args[0], node.args[1]);
  const message = whyNot(node, scope);
  return message === undefined ? undefined : { message, start: node.pos, end: node.end };
}

function whyNot(node: CelNode, scope: Scope): string | undefined {
  switch (node.op) {
    case 'id':
      return unknownName(node.args, scope);
    case '.':
      return unknownFact(node.args[0], node.args[1], scope);
    case 'call':
      return node.args[0] === 'size' ? undefined : noFunction(node.args[0]);
    case 'rcall':
      return refusedMethod(node.args, scope);
    case '[]':
      return 'an entry is not looked up by its place; write `"x" in list` or `list.exists(e, …)`';
    default:
      return operators.has(node.op) ? undefined : `${node.op} is not part of this language`;
  }
}

function unknownName(name: string, { names }: Scope): string | undefined {
  if (Object.hasOwn(names, name) || isFactGroup(name)) return undefined;
  return `there is no fact "${name}"${hint(name, factGroups)}`;
}

function unknownFact(of: CelNode, field: string, { names }: Scope): string | undefined {
  if (of.op !== 'id') return undefined;
  const facts =
    names[of.args] === 'detail' ? detailTypes : isFactGroup(of.args) ? factsOf(of.args) : undefined;
  return facts === undefined || Object.hasOwn(facts, field)
    ? undefined
    : `${of.args} has no fact "${field}"${hint(field, Object.keys(facts))}`;
}

function noFunction(name: string): string {
  if (name === 'has') return 'has() is not needed: every fact is always there, with a value for unknown';
  if (name === 'matches')
    return 'matches() is refused, as a pattern can take very long; see startsWith, contains';
  return `there is no function ${name}()${hint(name, ['size', ...methods])}`;
}

function refusedMethod(
  [name, , args]: readonly [string, CelNode, CelNode[]],
  scope: Scope,
): string | undefined {
  if (!methods.includes(name)) return noFunction(name);
  if (!comprehensions.includes(name)) return undefined;
  if (scope.within) return `${name}() inside another list function could take very long`;
  const [variable] = args;
  if (args.length !== 2 || variable?.op !== 'id') return `${name}() takes a name and a condition`;
  return isFactGroup(variable.args) ? `"${variable.args}" is a fact; choose another name` : undefined;
}

/** A fact that has few values is compared with one of them, or the rule could never hold. */
function impossibleValue(left: CelNode, right: CelNode): CelFault | undefined {
  const values = valuesOf(left) ?? valuesOf(right);
  if (!values) return undefined;
  const literals = [left, right].flatMap((side) => (side.op === 'list' ? side.args : [side]));
  for (const { op, args, start, end } of literals) {
    if (op !== 'value' || typeof args !== 'string' || values.includes(args)) continue;
    const message = `it is never "${args}", but ${values.join(', ')}${hint(args, values)}`;
    return { message, start, end };
  }
  return undefined;
}

function valuesOf(node: CelNode): readonly string[] | undefined {
  const type = factType(node);
  return type?.kind === 'text' ? type.values : undefined;
}

/** The fact a node such as `request.event` names. */
export function factType(node: CelNode): FactType | undefined {
  if (node.op !== '.' || node.args[0].op !== 'id') return undefined;
  const [{ args: group }, field] = node.args;
  const facts: Readonly<Record<string, FactType>> = isFactGroup(group) ? factsOf(group) : {};
  return Object.hasOwn(facts, field) ? facts[field] : undefined;
}

// Cost -----------------------------------------------------------------------------------------------------

/** How many steps an evaluation takes at the very most: some tens of nanoseconds each. */
export function costOf(node: CelNode): number {
  const inner = childrenOf(node).reduce((sum, child) => sum + costOf(child), 0);
  switch (node.op) {
    case 'in':
      return 1 + inner + sizeOf(node.args[1]);
    case '==':
    case '!=':
    case '+':
      return 1 + inner + sizeOf(node.args[0]) + sizeOf(node.args[1]);
    case 'call':
    case 'rcall':
      return callCost(node, inner);
    default:
      return 1 + inner;
  }
}

/** What a function of the longest text costs. */
const textCosts: Readonly<Record<string, number>> = {
  startsWith: 3,
  endsWith: 3,
  contains: 20,
  lowerAscii: 100,
  upperAscii: 100,
  size: 500,
};

function callCost(node: CelNode & { op: 'call' | 'rcall' }, inner: number): number {
  const [name] = node.args;
  if (node.op === 'call' || !comprehensions.includes(name)) {
    const [of] = childrenOf(node);
    return inner + (of && name === 'size' && sizeOf(of) > 0 ? 1 : (textCosts[name] ?? 1));
  }
  const [, list, [, predicate]] = node.args;
  const once = predicate ? costOf(predicate) + 1 : 1;
  return 1 + costOf(list) + sizeOf(list) * once;
}

/** Entries of a list, at most; 0 for what is no list. */
function sizeOf(node: CelNode): number {
  switch (node.op) {
    case 'list':
      return node.args.length;
    case '.': {
      const type = factType(node) ?? detailField(node.args[1]);
      return type?.kind === 'list' ? type.most : 0;
    }
    case 'rcall':
      return node.args[0] === 'filter' ? sizeOf(node.args[1]) : 0;
    case '+':
      return sizeOf(node.args[0]) + sizeOf(node.args[1]);
    case '?:':
      return Math.max(sizeOf(node.args[1]), sizeOf(node.args[2]));
    default:
      return 0;
  }
}

function detailField(field: string): FactType | undefined {
  const types: Readonly<Record<string, FactType>> = detailTypes;
  return Object.hasOwn(types, field) ? types[field] : undefined;
}
