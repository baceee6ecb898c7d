/** `authorization_details` (RFC 9396) as a rule sees them. */
import type { DetailFacts } from './facts.ts';

/** An amount that cannot be read: above every threshold, and kept by JSON. */
const UNREADABLE = Number.MAX_VALUE;

/** Of a parsed `authorization_details` array; whatever is malformed is read as the strictest. */
export function detailFacts(details: readonly unknown[]): DetailFacts[] {
  return details.map(factsOf);
}

const malformed: DetailFacts = { type: '', amount: UNREADABLE, currency: '', actions: [], locations: [] };

function factsOf(detail: unknown): DetailFacts {
  if (!isObject(detail)) return malformed;
  const { type, actions, locations, currency, amount, instructedAmount } = detail;
  const inner = [instructedAmount, amount].flatMap((each) => (isObject(each) ? [each['currency']] : []));
  return {
    type: text(type),
    amount: Math.max(amountOf(detail, 'amount'), amountOf(detail, 'instructedAmount')),
    currency: text([currency, ...inner].find((each) => each !== undefined)),
    actions: texts(actions),
    locations: texts(locations),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * An API may read any of the places where payment interfaces write an amount, so the largest counts: a plain value, or an
 * object's `amount` and `value`.
 */
function amountOf(detail: Readonly<Record<string, unknown>>, name: string): number {
  if (!Object.hasOwn(detail, name)) return 0;
  const value = detail[name];
  if (!isObject(value)) return numberOf(value);
  const parts = ['amount', 'value'].filter((part) => Object.hasOwn(value, part));
  return parts.length === 0 ? UNREADABLE : Math.max(...parts.map((part) => numberOf(value[part])));
}

/** A JSON number or a decimal text; anything else is above all. */
function numberOf(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return Math.abs(value);
  if (typeof value === 'string' && /^-?\d{1,30}(\.\d{1,30})?$/.test(value)) return Math.abs(Number(value));
  return UNREADABLE;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** The largest amount; 0 without details. */
export function largestAmount(details: readonly DetailFacts[]): number {
  return Math.max(0, ...details.map(({ amount }) => amount));
}
