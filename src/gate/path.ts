/**
 * Request targets, normalised once. What two programs might read differently is refused, not repaired: the gate judges a
 * path, and the program behind the proxy acts on the bytes.
 */

/** Why a target is refused: a bounded set. */
export type PathFault =
  | 'not_absolute'
  | 'too_long'
  | 'control_or_space'
  | 'not_ascii'
  | 'backslash'
  | 'fragment'
  | 'parameters'
  | 'empty_segment'
  | 'dot_segment'
  | 'bad_escape'
  | 'encoded_delimiter'
  | 'double_encoding'
  | 'not_utf8'
  | 'lookalike';

export type NormalPath =
  | {
      readonly ok: true;
      /** Decoded; no empty ones, so that `/a` and `/a/` are the same. */
      readonly segments: readonly string[];
      /** As sent, without the query. */
      readonly path: string;
    }
  | { readonly ok: false; readonly fault: PathFault };

const MAX_LENGTH = 8192;
const MAX_SEGMENTS = 128;
/** What nearly every path looks like: nothing to decode, no segment that begins with a dot. */
const plain = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*\/?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A request target in origin form (RFC 9112 3.2.1) → its decoded segments, or why it is refused. The query is only checked. */
export function normalisePath(target: string): NormalPath {
  if (target.length > MAX_LENGTH) return refuse('too_long');
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const fault = characterFault(target) ?? pathFault(path);
  if (fault) return refuse(fault);
  const raw = path.slice(1, path.endsWith('/') ? -1 : undefined);
  const pieces = raw === '' ? [] : raw.split('/');
  if (pieces.length > MAX_SEGMENTS) return refuse('too_long');
  if (plain.test(path)) return { ok: true, segments: pieces, path };
  const segments: string[] = [];
  for (const piece of pieces) {
    const decoded = decodeSegment(piece);
    if ('fault' in decoded) return refuse(decoded.fault);
    segments.push(decoded.text);
  }
  return { ok: true, segments, path };
}

function refuse(fault: PathFault): NormalPath {
  return { ok: false, fault };
}

function characterFault(target: string): PathFault | undefined {
  if (target[0] !== '/') return 'not_absolute';
  for (let index = 0; index < target.length; index += 1) {
    const code = target.charCodeAt(index);
    if (code <= 0x20 || code === 0x7f) return 'control_or_space';
    if (code > 0x7f) return 'not_ascii';
    if (code === 0x5c) return 'backslash';
    if (code === 0x23) return 'fragment';
  }
  return undefined;
}

function pathFault(path: string): PathFault | undefined {
  if (path.includes('//')) return 'empty_segment';
  if (path.includes(';')) return 'parameters';
  return undefined;
}

function decodeSegment(piece: string): { text: string } | { fault: PathFault } {
  const bytes: number[] = [];
  for (let index = 0; index < piece.length; index += 1) {
    if (piece[index] !== '%') {
      bytes.push(piece.charCodeAt(index));
      continue;
    }
    const hex = piece.slice(index + 1, index + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return { fault: 'bad_escape' };
    const byte = Number.parseInt(hex, 16);
    const fault = escapeFault(byte);
    if (fault) return { fault };
    bytes.push(byte);
    index += 2;
  }
  return textOf(Uint8Array.from(bytes));
}

/** Bytes that mean something else once they are decoded. */
function escapeFault(byte: number): PathFault | undefined {
  if (byte < 0x20 || byte === 0x7f) return 'control_or_space';
  if (byte === 0x25) return 'double_encoding';
  return './\\;?#'.includes(String.fromCharCode(byte)) ? 'encoded_delimiter' : undefined;
}

function textOf(bytes: Uint8Array): { text: string } | { fault: PathFault } {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { fault: 'not_utf8' };
  }
  // Some systems drop dots and spaces at the end of a name.
  if (/^[.\s]+$/.test(text)) return { fault: 'dot_segment' };
  if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(text)) return { fault: 'control_or_space' };
  if (looksLike(text)) return { fault: 'lookalike' };
  return { text };
}

/** Characters that some systems turn into a delimiter, such as U+FF0F; and spellings that some turn into others. */
function looksLike(text: string): boolean {
  if (text.normalize('NFC') !== text || /[\u2044\u2215\u2216\u29f5\u29f8\u29f9]/u.test(text)) return true;
  return [...text].some((character) => character > '\x7f' && /[./\\;%?#]/.test(character.normalize('NFKC')));
}
