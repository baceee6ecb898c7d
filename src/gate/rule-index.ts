/**
 * Rules as an index: a decision walks the request's segments, not the rules. It answers exactly as a linear scan of the
 * file would.
 */
import { type Rule, ruleMethod, type Target } from './rule.ts';

interface Node {
  readonly literals: Map<string, Node>;
  one: Node | undefined;
  /** Rules that end here, and rules that end here with `**`; in order, none after one that always matches. */
  readonly ends: Rule[];
  readonly rests: Rule[];
  /** The first rule of this node and all below it. */
  first: number;
}

export interface RuleIndex {
  /** Whether the rules are for this host: a name nobody foresaw must not reach those that name none. */
  serves(host: string): boolean;
  /** The rules that match but for their claims, in order; nothing after the first that has no claims condition. */
  find(target: Target): readonly Rule[];
}

/**
 * Builds the index. Costs time in proportion to the rules, a lookup in proportion to the segments.
 * @param hosts Those that are served. Default: those that rules name; where they name none, any.
 */
export function indexRules(
  rules: readonly Rule[],
  hosts: readonly string[] = rules.flatMap((rule) => rule.hosts ?? []),
): RuleIndex {
  const served = new Set(hosts);
  const tries: Tries = new Map();
  for (const rule of rules)
    for (const host of rule.hosts ?? ['*'])
      for (const method of rule.methods ?? ['*']) insert(rootOf(tries, host, method), rule);
  return {
    serves: (host) => served.size === 0 || served.has(host),
    find: (target) => find(tries, target),
  };
}

/** By host, then by method; `*` is for any. */
type Tries = Map<string, Map<string, Node>>;

function rootOf(tries: Tries, host: string, method: string): Node {
  const methods = tries.get(host) ?? new Map<string, Node>();
  tries.set(host, methods);
  const root = methods.get(method) ?? emptyNode();
  methods.set(method, root);
  return root;
}

function emptyNode(): Node {
  return { literals: new Map(), one: undefined, ends: [], rests: [], first: Number.POSITIVE_INFINITY };
}

function insert(root: Node, rule: Rule): void {
  let node = root;
  node.first = Math.min(node.first, rule.order);
  for (const part of rule.parts) {
    if (part.kind === 'rest') break;
    node = part.kind === 'one' ? oneOf(node) : literalOf(node, part.text);
    node.first = Math.min(node.first, rule.order);
  }
  const list = rule.parts.at(-1)?.kind === 'rest' ? node.rests : node.ends;
  const last = list.at(-1);
  if (last === undefined || last.claims) list.push(rule);
}

function oneOf(node: Node): Node {
  node.one ??= emptyNode();
  return node.one;
}

function literalOf(node: Node, text: string): Node {
  const child = node.literals.get(text) ?? emptyNode();
  node.literals.set(text, child);
  return child;
}

interface Search {
  readonly segments: readonly string[];
  readonly found: Rule[];
  /** The first rule found so far that needs no claims: later ones cannot win. */
  best: number;
}

function find(tries: Tries, { method, host, segments }: Target): readonly Rule[] {
  const search: Search = { segments, found: [], best: Number.POSITIVE_INFINITY };
  const asked = ruleMethod(method);
  begin(search, tries.get(host), asked);
  begin(search, tries.get('*'), asked);
  const { best, found } = search;
  if (found.length < 2) return found;
  return found.filter(({ order }) => order <= best).sort((a, b) => a.order - b.order);
}

function begin(search: Search, methods: ReadonlyMap<string, Node> | undefined, asked: string): void {
  const [exact, any] = [methods?.get(asked), methods?.get('*')];
  if (exact) walk(search, exact, 0);
  if (any) walk(search, any, 0);
}

/** A branch whose first rule comes after the best one found is not entered. */
function walk(search: Search, node: Node, depth: number): void {
  if (node.first > search.best) return;
  take(search, node.rests);
  const segment = search.segments[depth];
  if (segment === undefined) {
    take(search, node.ends);
    return;
  }
  const literal = node.literals.get(segment);
  if (literal) walk(search, literal, depth + 1);
  if (node.one) walk(search, node.one, depth + 1);
}

function take(search: Search, rules: readonly Rule[]): void {
  for (const rule of rules) {
    if (rule.order > search.best) return;
    search.found.push(rule);
    if (!rule.claims) search.best = rule.order;
  }
}
