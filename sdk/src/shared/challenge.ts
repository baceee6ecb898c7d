/**
 * `WWW-Authenticate` as RFC 9110 11.6.1 writes it: several challenges in one field, several fields, token68, quoted
 * strings, bad whitespace. One pass over the text, so the time is linear in its length.
 */

/** One challenge. Names of schemes and parameters are in lower case; values are as they came, without quotes. */
export interface Challenge {
  readonly scheme: string;
  readonly token68?: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The field does not follow its grammar, or a step-up challenge says something that cannot be followed. */
export class ChallengeError extends Error {
  readonly code = 'malformed_challenge';
  /** Where in the field, in UTF-16 units; absent where a value is at fault. */
  readonly position: number | undefined;

  constructor(message: string, position?: number) {
    super(position === undefined ? message : `${message} at ${position}`);
    this.name = 'ChallengeError';
    this.position = position;
  }
}

/**
 * The challenges of a response, in order. `fields`: the value of the field, or of each where there are several;
 * `Headers.get` joins them with commas, which is the same (RFC 9110 5.3). null: none. Throws ChallengeError.
 */
export function parseChallenges(fields: string | readonly string[] | null | undefined): Challenge[] {
  if (fields === null || fields === undefined) return [];
  return typeof fields === 'string' ? parseField(fields) : fields.flatMap(parseField);
}

interface Open {
  readonly scheme: string;
  token68?: string;
  readonly parameters: Map<string, string>;
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseField(text: string): Challenge[] {
  const cursor: Cursor = { text, at: 0 };
  const challenges: Open[] = [];
  // Elements are separated by commas, of which there may be too many (RFC 9110 5.6.1.2).
  for (skipSeparators(cursor); cursor.at < text.length; skipSeparators(cursor)) {
    readElement(cursor, challenges);
    skipSpace(cursor);
    if (cursor.at < text.length && text[cursor.at] !== ',') throw fault('A comma is missing', cursor);
  }
  return challenges;
}

/** A parameter of the challenge before it, or the scheme of a new one, with what may follow it. */
function readElement(cursor: Cursor, challenges: Open[]): void {
  const start = cursor.at;
  const name = readRun(cursor, TCHAR).toLowerCase();
  if (name === '') throw fault('A scheme or parameter is missing', cursor);
  const after = cursor.at;
  if (skipEquals(cursor)) {
    const challenge = challenges.at(-1);
    if (!challenge) throw fault('A parameter has no scheme', { ...cursor, at: start });
    addParameter(cursor, challenge, name);
    return;
  }
  const challenge: Open = { scheme: name, parameters: new Map() };
  challenges.push(challenge);
  // A scheme and what belongs to it are separated by spaces; a comma ends the element.
  if (cursor.at > after && cursor.at < cursor.text.length && cursor.text[cursor.at] !== ',')
    readFirst(cursor, challenge);
}

/** What follows a scheme: token68, where nothing but a comma comes after it, or a parameter. */
function readFirst(cursor: Cursor, challenge: Open): void {
  const start = cursor.at;
  const word = readRun(cursor, TOKEN68) + readRun(cursor, PADDING);
  const end = cursor.at;
  skipSpace(cursor);
  const alone = cursor.at >= cursor.text.length || cursor.text[cursor.at] === ',';
  if (alone && word !== '' && word[0] !== '=') {
    challenge.token68 = word;
    cursor.at = end;
    return;
  }
  cursor.at = start;
  const name = readRun(cursor, TCHAR).toLowerCase();
  if (name === '' || !skipEquals(cursor)) throw fault('A parameter is missing', cursor);
  addParameter(cursor, challenge, name);
}

function addParameter(cursor: Cursor, { parameters, token68 }: Open, name: string): void {
  if (token68 !== undefined) throw fault('A parameter follows a token68', cursor);
  // Each at most once in a challenge (RFC 9110 11.2): which of two values counts must not be a matter of luck.
  if (parameters.has(name)) throw fault('A parameter is repeated', cursor);
  const value = cursor.text[cursor.at] === '"' ? readQuoted(cursor) : readRun(cursor, TCHAR);
  if (value === '' && cursor.text[cursor.at - 1] !== '"') throw fault('A value is missing', cursor);
  parameters.set(name, value);
}

/** A quoted string (RFC 9110 5.6.4): any character but controls, a backslash before those that would end it. */
function readQuoted(cursor: Cursor): string {
  const { text } = cursor;
  const parts: string[] = [];
  let from = cursor.at + 1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      cursor.at = at + 1;
      return parts.join('') + text.slice(from, at);
    }
    if (code === BACKSLASH) {
      parts.push(text.slice(from, at));
      at += 1;
      from = at;
      if (at >= text.length) break;
    }
    if (isControl(text.charCodeAt(at))) throw fault('A control character', { ...cursor, at });
  }
  throw fault('A quoted string does not end', cursor);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TCHAR = new Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const TOKEN68 = new Set('-._~+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
const PADDING = new Set('=');

function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x09) || code === 0x7f;
}

function readRun(cursor: Cursor, allowed: ReadonlySet<string>): string {
  const start = cursor.at;
  while (cursor.at < cursor.text.length && allowed.has(cursor.text.charAt(cursor.at))) cursor.at += 1;
  return cursor.text.slice(start, cursor.at);
}

function skipSpace(cursor: Cursor): void {
  while (cursor.text[cursor.at] === ' ' || cursor.text[cursor.at] === '\t') cursor.at += 1;
}

function skipSeparators(cursor: Cursor): void {
  for (skipSpace(cursor); cursor.text[cursor.at] === ','; skipSpace(cursor)) cursor.at += 1;
}

/** An equals sign in bad whitespace (RFC 9110 5.6.3); without one, only the whitespace is skipped. */
function skipEquals(cursor: Cursor): boolean {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== '=') return false;
  cursor.at += 1;
  skipSpace(cursor);
  return true;
}

function fault(message: string, { at }: Cursor): ChallengeError {
  return new ChallengeError(message, at);
}
