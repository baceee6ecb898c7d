/**
 * Sign-ins worth trying under a draft: a plain one, each risk signal, and around every value that its conditions compare a fact
 * with, each in a request that the rule can be about.
 */
import { type CelNode, childrenOf, parseExpression } from '../policy/cel.ts';
import { factTypes, isFactGroup } from '../policy/fact-types.ts';
import { pathOf } from '../policy/needs.ts';
import type { Policy, Rule } from '../policy/policy.ts';

export type PartialFacts = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Scenario {
  /** The fact that is varied, as `request.amount`; '' for the plain one. */
  readonly fact: string;
  readonly value: string | number | boolean | null;
  /** What else the request has, in words; '' for nothing. */
  readonly context: string;
  readonly facts: PartialFacts;
}

/** Beyond these a draft's own tests are the place. */
const MOST = 400;

/** The plain one first; those of one fact and context are together, numbers ascending. */
export function scenariosOf(policy: Policy): readonly Scenario[] {
  const plain: Scenario = { fact: '', value: null, context: '', facts: {} };
  const signals = Object.entries(factTypes.risk)
    .filter(([name, { kind }]) => kind === 'flag' && name !== 'known')
    .map(([name]) => scenario(`risk.${name}`, true, { context: '', facts: {} }));
  const named = policy.rules.flatMap(ofRule);
  const unique = new Map([plain, ...signals, ...named].map((each) => [JSON.stringify(each), each]));
  return [...unique.values()].toSorted(byFact).slice(0, MOST);
}

function byFact(a: Scenario, b: Scenario): number {
  if (a.fact !== b.fact) return order(a.fact) - order(b.fact) || (a.fact < b.fact ? -1 : 1);
  if (a.context !== b.context) return a.context < b.context ? -1 : 1;
  return typeof a.value === 'number' && typeof b.value === 'number' ? a.value - b.value : 0;
}

/** The plain one, then requests, then people, then risk. */
function order(fact: string): number {
  const groups = ['', 'client', 'request', 'account', 'session', 'time', 'network', 'device', 'risk'];
  return groups.indexOf(fact.split('.')[0] ?? '');
}

interface Context {
  readonly context: string;
  readonly facts: PartialFacts;
}

function ofRule(rule: Rule): Scenario[] {
  const expression = parseExpression(rule.when);
  if ('message' in expression) return [];
  const compared = comparisons(expression.root);
  const context = contextOf(rule);
  const group = compared.find(([fact]) => fact === 'account.groups')?.[1];
  const inGroup = group === undefined ? context : joined(context, String(group));
  return [
    ...(context.context === '' ? [] : [{ fact: 'request', value: null, ...context }]),
    ...compared
      .filter(([fact]) => !isOfContext(fact))
      .flatMap(([fact, value]) =>
        valuesAround(fact, value).map((each) =>
          scenario(fact, each, fact === 'account.groups' ? context : inGroup),
        ),
      ),
  ];
}

function joined({ context, facts }: Context, group: string): Context {
  return {
    context: [context, group].filter((word) => word !== '').join(', '),
    facts: { ...facts, account: { groups: [group] } },
  };
}

/** What a rule needs of a request is tried by itself. */
function isOfContext(fact: string): boolean {
  return ['client.id', 'request.scopes', 'request.resources', 'request.event'].includes(fact);
}

/** What the rule needs of a request, the first of each. */
function contextOf({ needs }: Rule): Context {
  const { clients, scopes, resources, detailTypes, events } = needs;
  const [client, scope, resource, type, event] = [clients, scopes, resources, detailTypes, events].map(
    (values) => values?.[0],
  );
  const words = [client, scope, resource, type, event === 'authorization' ? undefined : event];
  const request = {
    ...(scope === undefined ? {} : { scopes: [scope] }),
    ...(resource === undefined ? {} : { resources: [resource] }),
    ...(type === undefined ? {} : { details: [{ type }] }),
    ...(event === undefined ? {} : { event }),
  };
  return {
    context: words.filter((word) => word !== undefined).join(', '),
    facts: {
      ...(Object.keys(request).length > 0 ? { request } : {}),
      ...(client === undefined ? {} : { client: { id: client } }),
    },
  };
}

type Value = string | number | boolean;

/** Facts and the literals they are compared with. A flag is tried set, and a device that is known otherwise, unknown. */
function comparisons(node: CelNode): [fact: string, value: Value][] {
  const own = ownComparisons(node);
  return [...own, ...childrenOf(node).flatMap(comparisons)];
}

function ownComparisons(node: CelNode): [string, Value][] {
  const flag = factOf(node);
  if (flag && kindOf(flag) === 'flag') return [[flag, flag !== 'device.known']];
  switch (node.op) {
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in': {
      const [left, right] = node.args;
      const fact = factOf(left) ?? factOf(right);
      const literals = [...literalsIn(left), ...literalsIn(right)];
      return fact ? literals.map((value) => [fact, value]) : [];
    }
    default:
      return [];
  }
}

/** An entry's amount, as in `details.exists(d, d.amount > 5)`, is the request's. */
function factOf(node: CelNode): string | undefined {
  const path = pathOf(node);
  const [group = '', name = ''] = path.split('.');
  if (isFactGroup(group)) return name === '' ? undefined : path;
  return name === 'amount' ? 'request.amount' : undefined;
}

function literalsIn(node: CelNode): Value[] {
  if (node.op === 'list') return node.args.flatMap(literalsIn);
  if (node.op !== 'value') return [];
  const value: unknown = node.args;
  return typeof value === 'string' || typeof value === 'number' ? [value] : [];
}

function kindOf(fact: string): string | undefined {
  const [group = '', name = ''] = fact.split('.');
  return isFactGroup(group)
    ? (factTypes[group] as Readonly<Record<string, { kind: string }>>)[name]?.kind
    : undefined;
}

function valuesAround(fact: string, value: Value): Value[] {
  if (typeof value !== 'number') return [value];
  if (fact === 'time.hour') return Array.from({ length: 24 }, (_, hour) => hour);
  if (fact === 'time.weekday') return [1, 2, 3, 4, 5, 6, 7];
  const step = fact === 'risk.score' ? 0.01 : 1;
  return [value - step, value, value + step]
    .map((each) => Math.round(each * 100) / 100)
    .filter((each) => each >= 0);
}

function scenario(fact: string, value: Value, { context, facts }: Context): Scenario {
  const [group = '', name = ''] = fact.split('.');
  const inGroup = facts[group] ?? {};
  const set = kindOf(fact) === 'list' ? { [name]: [value] } : { [name]: value };
  const details = fact === 'request.amount' ? { details: [{ ...detailOf(inGroup), amount: value }] } : {};
  return { fact, value, context, facts: { ...facts, [group]: { ...inGroup, ...set, ...details } } };
}

function detailOf(request: Readonly<Record<string, unknown>>): object {
  const [first]: unknown[] = Array.isArray(request['details']) ? request['details'] : [];
  return typeof first === 'object' && first !== null ? first : {};
}
