/** `authorization_details` (RFC 9396) as a rule sees them. */
import type { DetailFacts } from './facts.ts';

/** An amount that cannot be read: above every threshold, and kept by JSON. */
const UNREADABLE = Number.MAX_VALUE;

/** Of a parsed `authorization_details` array; whatever is malformed is read as the strictest. */
export function detailFacts(details: readonly unknown[]): DetailFacts[] {
  return details.map(factsOf);
}

const nothing: DetailFacts = { type: '', amount: 0, currency: '', actions: [], locations: [] };

function factsOf(detail: unknown): DetailFacts {
  if (typeof detail !== 'object' || detail === null) return { ...nothing, amount: UNREADABLE };
  const { type, actions, locations, currency, amount, instructedAmount } = detail as Record<string, unknown>;
  const money = isObject(instructedAmount)
    ? instructedAmount
    : isObject(amount)
      ? amount
      : { amount, currency };
  return {
    type: text(type),
    amount: numberOf(money['amount'] ?? money['value']),
    currency: text(money['currency'] ?? currency),
    actions: texts(actions),
    locations: texts(locations),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** A JSON number or a decimal text, as payment interfaces write it; anything else that is there is above all. */
function numberOf(value: unknown): number {
  if (value === undefined) return 0;
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
