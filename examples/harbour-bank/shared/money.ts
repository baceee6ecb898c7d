/** Amounts are whole cents. */

export const MOST_CENTS = 100_000_00;

const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

export function formatMoney(cents: number): string {
  return euros.format(cents / 100).replace('-', '\u2212');
}

/** `1250`, `1,250`, `1250.5`, `1,250.00` → cents; undefined for anything else, zero, or more than a transfer may be. */
export function parseMoney(text: string): number | undefined {
  const match = /^(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  const cents = Number(whole.replaceAll(',', '')) * 100 + Number(fraction.padEnd(2, '0'));
  return cents > 0 && cents <= MOST_CENTS ? cents : undefined;
}
