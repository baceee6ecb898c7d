/**
 * What must hold for a condition to be true, read from its syntax: lets a rule be passed over unevaluated. Careful on purpose:
 * whatever is not plainly a comparison with literals needs nothing.
 */
import { type CelNode, childrenOf } from './cel.ts';
import { type FactGroup, isFactGroup } from './fact-types.ts';
import type { RuleNeeds } from './policy.ts';

type Dimension = Exclude<keyof RuleNeeds, 'facts'>;
/** Without one of the values the node is false. */
type Needs = Readonly<Partial<Record<Dimension, readonly string[]>>>;

/** A text compared with literals → what it is about. */
const scalars: Readonly<Record<string, Dimension>> = { 'request.event': 'events', 'client.id': 'clients' };
const lists: Readonly<Record<string, Dimension>> = {
  'request.scopes': 'scopes',
  'request.resources': 'resources',
  'request.details': 'detailTypes',
};

/** The needs of a condition whose syntax and types were checked. */
export function needsOf(root: CelNode): RuleNeeds {
  return { ...needs(root), facts: [...groupsIn(root)].sort() };
}

function needs(node: CelNode): Needs {
  switch (node.op) {
    case '&&':
      return both(needs(node.args[0]), needs(node.args[1]));
    case '||':
      return either(needs(node.args[0]), needs(node.args[1]));
    case '==':
    case 'in':
    case 'rcall':
      return atom(node);
    default:
      return {};
  }
}

/** The shorter list of the two: each must hold, so either will do. */
function both(a: Needs, b: Needs): Needs {
  const merged: Partial<Record<Dimension, readonly string[]>> = { ...a };
  for (const [name, values] of Object.entries(b) as [Dimension, readonly string[]][]) {
    const other = merged[name];
    merged[name] = other && other.length <= values.length ? other : values;
  }
  return merged;
}

function either(a: Needs, b: Needs): Needs {
  const shared = (Object.keys(a) as Dimension[]).filter((name) => b[name] !== undefined);
  return Object.fromEntries(
    shared.map((name) => [name, [...new Set([...(a[name] ?? []), ...(b[name] ?? [])])]]),
  );
}

function atom(node: CelNode & { op: '==' | 'in' | 'rcall' }): Needs {
  if (node.op === 'rcall') return listNeeds(node.args);
  const scalar = comparedWith(node, (side) => scalars[pathOf(side)]);
  if (scalar) return { [scalar.what]: scalar.values };
  if (node.op === '==') return {};
  const [value, list] = node.args;
  const dimension = lists[pathOf(list)];
  return dimension && value.op === 'value' && typeof value.args === 'string'
    ? { [dimension]: [value.args] }
    : {};
}

/** `request.scopes.exists(s, s == "x")` and `request.details.exists(d, d.type == "x" && …)`. */
function listNeeds([name, list, [variable, predicate]]: readonly [string, CelNode, CelNode[]]): Needs {
  const dimension = lists[pathOf(list)];
  if (name !== 'exists' || !dimension || variable?.op !== 'id' || !predicate) return {};
  const entry = dimension === 'detailTypes' ? `${variable.args}.type` : variable.args;
  const values = entryValues(predicate, entry);
  return values ? { [dimension]: values } : {};
}

/** Literals one of which the entry is wherever the predicate holds. */
function entryValues(node: CelNode, entry: string): readonly string[] | undefined {
  if (node.op === '&&') return entryValues(node.args[0], entry) ?? entryValues(node.args[1], entry);
  if (node.op === '||') {
    const [a, b] = [entryValues(node.args[0], entry), entryValues(node.args[1], entry)];
    return a && b ? [...a, ...b] : undefined;
  }
  if (node.op !== '==' && node.op !== 'in') return undefined;
  return comparedWith(node, (side) => (pathOf(side) === entry ? entry : undefined))?.values;
}

/** `a == "x"`, `"x" == a` or `a in ["x", "y"]`, where `what` knows `a`. */
function comparedWith<T>(
  { op, args: [left, right] }: { readonly op: '==' | 'in'; readonly args: readonly [CelNode, CelNode] },
  what: (side: CelNode) => T | undefined,
): { what: T; values: readonly string[] } | undefined {
  const [subject, object] = op === '==' && what(left) === undefined ? [right, left] : [left, right];
  const known = what(subject);
  if (known === undefined || (op === 'in' && object.op !== 'list')) return undefined;
  const values = (object.op === 'list' ? object.args : [object]).map((each) =>
    each.op === 'value' && typeof each.args === 'string' ? each.args : undefined,
  );
  return values.every((value) => value !== undefined) ? { what: known, values } : undefined;
}

/** `request.event`, `d.type` or `s`; '' for what is no path. */
export function pathOf(node: CelNode): string {
  if (node.op === 'id') return node.args;
  return node.op === '.' && node.args[0].op === 'id' ? `${node.args[0].args}.${node.args[1]}` : '';
}

function groupsIn(node: CelNode): Set<FactGroup> {
  const own = node.op === 'id' && isFactGroup(node.args) ? [node.args] : [];
  return new Set([...own, ...childrenOf(node).flatMap((child) => [...groupsIn(child)])]);
}
