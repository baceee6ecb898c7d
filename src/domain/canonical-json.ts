/** JSON in one spelling (RFC 8785): what is hashed must not depend on who wrote it down. */

/** What is plain is put in order and written by the engine, which is several times as fast as writing it here. */
export function canonicalJson(value: unknown): string {
  const plain = inOrder(value);
  return plain === odd ? written(value) : JSON.stringify(plain);
}

const odd = Symbol('odd');

/** A copy with its members in order; `odd` where the engine would write it in another way, or in another order. */
function inOrder(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : odd;
  if (typeof value !== 'object') return odd;
  return Array.isArray(value) ? itemsInOrder(value) : membersInOrder(value as Values);
}

type Values = Readonly<Record<string, unknown>>;

function itemsInOrder(list: readonly unknown[]): unknown {
  const items: unknown[] = [];
  for (const item of list) {
    const plain = inOrder(item);
    if (plain === odd) return odd;
    items.push(plain);
  }
  return items;
}

function membersInOrder(values: Values): unknown {
  if (Object.getPrototypeOf(values) !== Object.prototype) return odd;
  const members: Record<string, unknown> = {};
  for (const name of Object.keys(values).sort()) {
    // The engine puts names that are numbers first, and makes no member of `__proto__`.
    if (isNumber(name) || name === '__proto__') return odd;
    if (values[name] === undefined) continue;
    const plain = inOrder(values[name]);
    if (plain === odd) return odd;
    members[name] = plain;
  }
  return members;
}

function isNumber(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57;
}

/**
 * Members sorted by their UTF-16 code units, no white space, numbers and strings as ECMAScript writes them; a member that is
 * undefined is left out. Numbers are IEEE doubles. Throws for what is not JSON.
 */
function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`);
    return `{${members.join(',')}}`;
  }
  if (Number.isNaN(value)) throw new Error('a number that JSON cannot say');
  // What was read of a number too large for a double: whoever writes one must not bring the sealer to a stop.
  if (value === Number.POSITIVE_INFINITY) return '1e999';
  if (value === Number.NEGATIVE_INFINITY) return '-1e999';
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new Error(`a ${typeof value} is not JSON`);
  return text;
}
