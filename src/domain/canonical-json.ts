/** JSON in one spelling (RFC 8785): what is hashed must not depend on who wrote it down. */

/**
 * Members sorted by their UTF-16 code units, no white space, numbers and strings as ECMAScript writes them; a member that is
 * undefined is left out. Numbers are IEEE doubles. Throws for what is not JSON.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
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
