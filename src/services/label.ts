/** The names people give their factors. */
import { StileError } from '../domain/errors.ts';

/** Characters. */
const LONGEST = 60;

/** A name of 1 to 60 characters on one line. Throws StileError `invalid_label`. */
export function labelOf(typed: string): string {
  const label = typed.normalize('NFC').replace(/\s+/g, ' ').trim();
  const length = [...label].length;
  if (length === 0 || length > LONGEST || /\p{Cc}|\p{Cf}/u.test(label)) throw new StileError('invalid_label');
  return label;
}

/** What is stored of a name that need not be given: empty where there is none. Throws StileError `invalid_label`. */
export function optionalLabelOf(typed: string): string {
  return typed.trim() === '' ? '' : labelOf(typed);
}
