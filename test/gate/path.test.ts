import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalisePath } from '../../src/gate/path.ts';

describe('paths the gate reads', () => {
  test.each([
    ['/', []],
    ['/a', ['a']],
    ['/a/', ['a']],
    ['/a/b?x=/../%2f', ['a', 'b']],
    ['/a.b/c~d', ['a.b', 'c~d']],
    ['/caf%C3%A9', ['café']],
    ['/a%20b', ['a b']],
    ['/.well-known/x', ['.well-known', 'x']],
    ["/a!$&'()*+,=:@", ["a!$&'()*+,=:@"]],
  ])('%s is %j', (target, segments) => {
    expect(normalisePath(target)).toMatchObject({ ok: true, segments });
  });
});

describe('paths the gate refuses', () => {
  test.each([
    ['no leading slash', 'a', 'not_absolute'],
    ['absolute form', 'http://h/a', 'not_absolute'],
    ['nothing', '', 'not_absolute'],
    ['a dot segment', '/a/./b', 'dot_segment'],
    ['two dots', '/a/../b', 'dot_segment'],
    ['two dots at the end', '/a/..', 'dot_segment'],
    ['three dots', '/a/.../b', 'dot_segment'],
    ['encoded dots', '/a/%2e%2e/b', 'encoded_delimiter'],
    ['half encoded dots', '/a/.%2E/b', 'encoded_delimiter'],
    ['an encoded dot in a name', '/a%2eb', 'encoded_delimiter'],
    ['an encoded slash', '/a%2fb', 'encoded_delimiter'],
    ['an encoded slash in capitals', '/a%2Fb', 'encoded_delimiter'],
    ['an encoded backslash', '/a%5cb', 'encoded_delimiter'],
    ['a backslash', '/a\\b', 'backslash'],
    ['mixed separators', '/a/..\\b', 'backslash'],
    ['double encoding', '/a%252fb', 'double_encoding'],
    ['double encoded dots', '/%252e%252e/a', 'double_encoding'],
    ['NUL', '/a%00', 'control_or_space'],
    ['NUL, raw', '/a\0', 'control_or_space'],
    ['a line feed', '/a%0ab', 'control_or_space'],
    ['DEL', '/a%7f', 'control_or_space'],
    ['a C1 control', '/a%C2%85', 'control_or_space'],
    ['a raw space', '/a b', 'control_or_space'],
    ['a control in the query', '/a?b\tc', 'control_or_space'],
    ['an invisible character', '/ad%E2%80%8Bmin', 'control_or_space'],
    ['two slashes', '/a//b', 'empty_segment'],
    ['two slashes first', '//a', 'empty_segment'],
    ['two slashes last', '/a//', 'empty_segment'],
    ['path parameters', '/a;v=1/b', 'parameters'],
    ['dots with parameters', '/a/..;/b', 'parameters'],
    ['encoded parameters', '/a%3bv', 'encoded_delimiter'],
    ['an encoded question mark', '/a%3fb', 'encoded_delimiter'],
    ['an encoded hash', '/a%23b', 'encoded_delimiter'],
    ['a fragment', '/a#b', 'fragment'],
    ['half an escape', '/a%2', 'bad_escape'],
    ['no escape', '/a%zz', 'bad_escape'],
    ['the %u form', '/a%u002f', 'bad_escape'],
    ['not UTF-8', '/a%ff', 'not_utf8'],
    ['an overlong slash', '/a%c0%afb', 'not_utf8'],
    ['a surrogate', '/%ed%a0%80', 'not_utf8'],
    ['raw bytes beyond ASCII', '/caf\u00e9', 'not_ascii'],
    ['a fullwidth slash', '/a%EF%BC%8Fb', 'lookalike'],
    ['a small full stop', '/a/%EF%B9%92%EF%B9%92/b', 'lookalike'],
    ['two dots in one character', '/a/%E2%80%A5/b', 'lookalike'],
    ['a small backslash', '/a%EF%B9%A8b', 'lookalike'],
    ['a fullwidth question mark', '/a%EF%BC%9Fb', 'lookalike'],
    ['a fullwidth hash', '/a%EF%BC%83b', 'lookalike'],
    ['a small semicolon', '/a%EF%B9%94b', 'lookalike'],
    ['an account-of sign', '/a%E2%84%80b', 'lookalike'],
    ['a backslash operator', '/a%E2%A7%B5b', 'lookalike'],
    ['dots and a space', '/a/..%20/b', 'dot_segment'],
    ['a space alone', '/a/%20/b', 'dot_segment'],
    ['dots and a wide space', '/a/..%E3%80%80/b', 'dot_segment'],
    ['a spelling that is not composed', '/cafe%CC%81', 'lookalike'],
    ['too long', `/${'a'.repeat(9000)}`, 'too_long'],
    ['too deep', '/a'.repeat(200), 'too_long'],
  ])('%s', (_what, target, fault) => {
    expect(normalisePath(target)).toEqual({ ok: false, fault });
  });

  test('whatever is accepted has no segment that another reading would take apart', () => {
    const piece = fc.constantFrom(
      'a',
      '.',
      '%2e',
      '/',
      '%2f',
      '\\',
      '%5c',
      '%',
      '%25',
      ';',
      '%c3%a9',
      '?',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const normal = normalisePath(`/${pieces.join('')}`);
        if (!normal.ok) return;
        for (const segment of normal.segments) {
          expect(segment).not.toMatch(/[/\\%;?#\0]|^\.{0,2}$/);
        }
      }),
    );
  });
});
