/** From the text of a condition to what evaluates it, or to everything wrong with it. */
import { type CelFault, type CelNode, childrenOf, parseExpression, typeName } from './cel.ts';
import type { PolicyFacts } from './facts.ts';
import { needsOf, pathOf } from './needs.ts';
import type { RuleNeeds } from './policy.ts';
import { prepareFacts } from './prepared-facts.ts';
import { costOf, factType, refusals } from './restrict.ts';

export type ConditionFault = CelFault;

export interface Condition {
  /** Throws where the facts are too large to be looked at. */
  readonly matches: (facts: PolicyFacts) => boolean;
  readonly needs: RuleNeeds;
  /** See `costOf`. */
  readonly cost: number;
  /** What its `&&` join: all must hold. Text and the facts it names, such as `request.amount`. */
  readonly parts: readonly ConditionPart[];
}

export interface ConditionPart {
  readonly text: string;
  readonly names: readonly string[];
}

/** Characters of a condition. */
export const LONGEST_CONDITION = 4000;
/** Steps one condition may take. */
export const HIGHEST_COST = 20_000;

/** Every fault with its place in the text. A condition of another type than bool is one. */
export function compileCondition(text: string): Condition | { readonly faults: readonly ConditionFault[] } {
  const whole = { start: 0, end: text.length };
  if (text.length > LONGEST_CONDITION)
    return { faults: [{ message: `a condition has at most ${LONGEST_CONDITION} characters`, ...whole }] };
  const expression = parseExpression(text);
  if ('message' in expression) return { faults: [expression] };
  const { root } = expression;
  const refused = refusals(root);
  if (refused.length > 0) return { faults: refused };
  const checked = expression.check();
  if ('message' in checked) return { faults: [checked] };
  if (checked.type !== 'bool')
    return {
      faults: [{ message: `a condition is true or false; this is ${typeName(checked.type)}`, ...whole }],
    };
  const cost = costOf(root);
  if (cost > HIGHEST_COST)
    return { faults: [{ message: `it could take ${cost} steps; ${HIGHEST_COST} are allowed`, ...whole }] };
  return {
    matches: (facts) => {
      const ready = prepareFacts(facts);
      if (ready.fault !== undefined) throw new Error(ready.fault);
      return expression.run(ready) === true;
    },
    needs: needsOf(root),
    cost,
    parts: conjuncts(root).map((node) => ({
      text: balanced(text, node.start, node.end),
      names: [...new Set(factsIn(node))],
    })),
  };
}

function conjuncts(node: CelNode): CelNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node];
}

function factsIn(node: CelNode): string[] {
  return factType(node) ? [pathOf(node)] : childrenOf(node).flatMap(factsIn);
}

/** The node's text with the brackets that belong to it, which the library leaves out at its ends. */
function balanced(text: string, start: number, end: number): string {
  let [from, to] = [start, end];
  let { open, unopened } = brackets(text.slice(from, to));
  while (unopened > 0 && from > 0) {
    from -= 1;
    if (text[from] === '(') unopened -= 1;
  }
  while (open > 0 && to < text.length) {
    if (text[to] === ')') open -= 1;
    to += 1;
  }
  return text.slice(from, to);
}

/** Brackets not closed, and closed without being opened; those in texts do not count. */
function brackets(text: string): { open: number; unopened: number } {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '');
  let [open, unopened] = [0, 0];
  for (const letter of bare) {
    if (letter === '(') open += 1;
    else if (letter === ')' && open > 0) open -= 1;
    else if (letter === ')') unopened += 1;
  }
  return { open, unopened };
}
