/** What somebody who typed a name wrongly may have meant. */

/** The option nearest to the word, if it is near: up to two letters away, or a third of them. */
export function similarTo(word: string, options: readonly string[]): string | undefined {
  const reach = Math.min(3, Math.max(1, Math.floor(word.length / 3)));
  let best: string | undefined;
  let least = reach + 1;
  for (const option of options) {
    const away = distance(word.toLowerCase(), option.toLowerCase());
    if (away < least) [best, least] = [option, away];
  }
  return best;
}

/** `; did you mean "amount"?`, or nothing. */
export function hint(word: string, options: readonly string[]): string {
  const nearest = similarTo(word, options);
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`;
}

/** Letters to add, leave out, replace or swap with their neighbour. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const ways = [at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same];
      rows[i]?.push(Math.min(...ways, ...(swapped ? [at(i - 2, j - 2) + 1] : [])));
    }
  }
  return at(a.length, b.length);
}
