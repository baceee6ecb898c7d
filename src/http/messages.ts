/**
 * The message catalogue's shape. English (`messages/en.ts`) comes first and defines the keys; another language is
 * one more object of type `Messages`.
 */
import { catalogue, type ErrorCode } from '../domain/errors.ts';
import { type EnglishKey, english } from './messages/en.ts';

/** Texts of the error catalogue: what happened, and what to do about it. */
type ErrorKey = `error.${ErrorCode}` | `remedy.${ErrorCode}`;

export type MessageKey = EnglishKey | ErrorKey;
export type Messages = Readonly<Record<MessageKey, string>>;
export type Parameters = Readonly<Record<string, string | number>>;

export const en: Messages = { ...english, ...errorTexts() };

export interface Translator {
  /** The BCP 47 tag for `<html lang>` and for dates. */
  readonly language: string;
  /** The text of a key. Throws on an unknown key or a missing parameter: a fault of ours, found by tests. */
  t(key: string, parameters?: Parameters): string;
  /** The text of a key if it is one, else the words themselves (an operator's own). */
  words(keyOrWords: string, parameters?: Parameters): string;
}

/** Looks texts up and fills in `{placeholders}`; values are stripped of what could disguise them (`plain`). */
export function createTranslator(messages: Messages, language = 'en'): Translator {
  const t = (key: string, parameters: Parameters = {}): string => {
    if (!hasKey(messages, key)) throw new Error(`no message ${key}`);
    return messages[key].replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = parameters[name];
      if (value === undefined) throw new Error(`message ${key} needs ${name}`);
      return plain(String(value));
    });
  };
  const words = (keyOrWords: string, parameters?: Parameters): string =>
    hasKey(messages, keyOrWords) ? t(keyOrWords, parameters) : plain(keyOrWords);
  return { language, t, words };
}

/** Without control and direction-changing characters, which let a name pose as another; blanks made single. */
export function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function hasKey(messages: Messages, key: string): key is MessageKey {
  return Object.hasOwn(messages, key);
}

function errorTexts(): Record<ErrorKey, string> {
  const entries = Object.entries(catalogue).flatMap(([code, { message, remedy }]) => [
    [`error.${code}`, message],
    [`remedy.${code}`, remedy],
  ]);
  return Object.fromEntries(entries) as Record<ErrorKey, string>;
}
