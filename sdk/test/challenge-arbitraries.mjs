/** Generators for `WWW-Authenticate`: what the grammar allows, and what it does not. */
import * as fc from 'fast-check';

const TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TOKEN68 = '-._~+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Quoted text: HTAB, SP, VCHAR and obs-text. */
const TEXT = ['\t', ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)), 'é', 'ÿ'];

const word = (letters) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 12 });
const token = word(TCHAR);
const space = fc.constantFrom('', '', ' ', '\t', '  ');
const some = fc.constantFrom(' ', '  ', ' \t');

const quoted = fc
  .array(fc.tuple(fc.constantFrom(...TEXT), fc.boolean()), { maxLength: 20 })
  .map((letters) => ({
    value: letters.map(([letter]) => letter).join(''),
    text: `"${letters.map(([letter, escaped]) => (escaped || /["\\]/.test(letter) ? `\\${letter}` : letter)).join('')}"`,
  }));
const plain = token.map((value) => ({ value, text: value }));

const parameter = fc
  .tuple(token, space, space, fc.oneof(plain, quoted))
  .map(([name, before, after, { value, text }]) => ({
    name: name.toLowerCase(),
    value,
    text: `${name}${before}=${after}${text}`,
  }));

const withParameters = fc
  .tuple(token, some, fc.uniqueArray(parameter, { maxLength: 4, selector: ({ name }) => name }), space)
  .map(([scheme, gap, parameters, comma]) => ({
    parsed: { scheme: scheme.toLowerCase(), parameters: parameters.map(({ name, value }) => [name, value]) },
    text:
      scheme +
      (parameters.length > 0 ? gap : '') +
      parameters.map(({ text }) => text).join(`${comma},${comma}`),
  }));

const withToken68 = fc
  .tuple(token, some, word(TOKEN68), fc.constantFrom('', '=', '=='))
  .map(([scheme, gap, run, padding]) => ({
    parsed: { scheme: scheme.toLowerCase(), token68: run + padding, parameters: [] },
    text: `${scheme}${gap}${run}${padding}`,
  }));

/** A field the grammar allows, and what it says. */
export const validField = fc
  .tuple(
    fc.array(fc.oneof(withParameters, withToken68), { maxLength: 5 }),
    fc.constantFrom(',', ', ', ' , ', ',,\t, '),
  )
  .map(([challenges, comma]) => ({
    parsed: challenges.map(({ parsed }) => parsed),
    text: challenges.map(({ text }) => text).join(comma),
  }));

const piece = fc.constantFrom(
  ...[
    'Bearer',
    'DPoP ',
    'error',
    '=',
    '"',
    '\\',
    ',',
    ' ',
    '\t',
    '==',
    'acr_values="phr"',
    'max_age=5',
    '\0',
    '\r\n',
    'é',
    '😀',
  ],
);

/** Anything: arbitrary text, and arbitrary arrangements of what the grammar is made of. */
export const anyField = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  fc.tuple(validField, fc.nat(), fc.string({ maxLength: 2 })).map(([{ text }, where, extra]) => {
    const at = where % (text.length + 1);
    return text.slice(0, at) + extra + text.slice(at + 1);
  }),
);
