/** YAML that knows where in the text each of its parts stands, and faults that say so. Pure. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
} from 'yaml';
import { z } from 'zod';
import { hint } from '../domain/similar.ts';
import { type FaultPath, showPath } from './faults.ts';
import { yamlExcess } from './yaml-limits.ts';

/** Line and column, from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong, and where: `rules[3].path`. */
export interface PlacedFault extends Place {
  readonly path: string;
  readonly message: string;
}

export interface YamlFile {
  /** What it says, as plain data. */
  readonly raw: unknown;
  /** Where a part stands, or the deepest part of its path that is there; of a setting its key where `key`. */
  place(path: FaultPath, key?: boolean): Place;
  /** Where the character at `offset` of a text's value stands in the file. */
  placeIn(path: FaultPath, offset: number): Place;
}

/** Reads YAML, of which JSON is a part; or what is wrong with it. */
export function readYaml(text: string): YamlFile | { readonly faults: readonly PlacedFault[] } {
  const excess = yamlExcess(text);
  if (excess) return { faults: [{ path: '(file)', column: 1, ...excess }] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      faults: document.errors.map(({ message, pos }) => ({
        path: '(file)',
        ...placeOf(lines, pos[0]),
        message,
      })),
    };
  }
  const read = plainData(document);
  if ('fault' in read)
    return { faults: [{ path: '(file)', ...placeOf(lines, suspectAlias(document)), message: read.fault }] };
  const place = (path: FaultPath, key = false) => placeOf(lines, startOf(document, path, key));
  return {
    raw: read.raw,
    place,
    placeIn: (path, offset) => {
      const node: unknown = document.getIn(path, true);
      return isScalar(node) && typeof node.value === 'string' && node.range
        ? placeOf(lines, offsetIn(text, node as Scalar<string>, offset))
        : place(path);
    },
  };
}

/** An alias to nothing, or more of them than anybody writes, is found only now. */
function plainData(document: Document.Parsed): { readonly raw: unknown } | { readonly fault: string } {
  try {
    return { raw: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : 'cannot be read' };
  }
}

/** Where the alias stands that has no anchor; else the first one. */
function suspectAlias(document: Document.Parsed): number {
  const offsets: number[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      const [offset = 0] = alias.range ?? [];
      if (alias.resolve(document)) offsets.push(offset);
      else offsets.unshift(offset);
    },
  });
  return offsets[0] ?? 0;
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function startOf(document: Document, path: FaultPath, key: boolean): number {
  for (let length = path.length; length > 0; length -= 1) {
    const known = path.slice(0, length);
    const node = (key && keyNode(document, known)) || document.getIn(known, true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function keyNode(document: Document, path: FaultPath): Node | undefined {
  const parent: unknown = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  const map: unknown = isAlias(parent) ? parent.resolve(document) : parent;
  const pair = isMap(map)
    ? map.items.find((each) => isScalar(each.key) && each.key.value === path.at(-1))
    : undefined;
  return isNode(pair?.key) ? pair.key : undefined;
}

/**
 * Follows source and value together. Folding and indentation change blanks only, so that everything else of the value
 * stands in the source in its order, but for what is escaped in quotes.
 */
function offsetIn(text: string, { type, value, range }: Scalar<string>, offset: number): number {
  const [start, end] = range ?? [0, 0];
  const block = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
  let at = block ? text.indexOf('\n', start) + 1 : start + (type?.startsWith('QUOTE') ? 1 : 0);
  for (const letter of value.slice(0, offset)) {
    if (!isBlank(letter)) at = skipBlanks(text, at);
    else if (!isBlank(text[at]) && text[at] !== '\\') continue;
    at += writtenLength(text, at, type);
  }
  const next = value[offset];
  if (next !== undefined && !isBlank(next)) at = skipBlanks(text, at);
  return Math.min(at, end);
}

function isBlank(letter: string | undefined): boolean {
  return letter === ' ' || letter === '\n' || letter === '\t' || letter === '\r';
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text[at])) at += 1;
  return at;
}

/** Characters that stand for one of the value. */
function writtenLength(text: string, at: number, type: Scalar['type']): number {
  if (type === Scalar.QUOTE_SINGLE && text.startsWith("''", at)) return 2;
  if (type !== Scalar.QUOTE_DOUBLE || text[at] !== '\\') return 1;
  return { x: 4, u: 6, U: 10 }[text[at + 1] ?? ''] ?? 2;
}

interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The faults of a shape, each at its place; a setting nobody knows is told what it may have been. */
export function shapeFaults(file: YamlFile, schema: z.ZodType, issues: readonly Issue[]): PlacedFault[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    const unknown: unknown = issue.code === 'unrecognized_keys' && 'keys' in issue ? issue.keys : undefined;
    if (!Array.isArray(unknown)) return [faultAt(file, path, issue.message.replace(/^Invalid input: /, ''))];
    return unknown.map(String).map((key) => {
      const message = `there is no such setting${hint(key, settingsAt(schema, path))}`;
      return { ...faultAt(file, [...path, key], message), ...file.place([...path, key], true) };
    });
  });
}

/** A fault at a part of the file. */
export function faultAt(file: YamlFile, path: FaultPath, message: string): PlacedFault {
  return { path: showPath(path), ...file.place(path), message };
}

interface JsonShape {
  readonly properties?: Readonly<Record<string, JsonShape>>;
  readonly items?: JsonShape;
}

/** The settings that the object at `path` may have. */
function settingsAt(schema: z.ZodType, path: FaultPath): string[] {
  let node: JsonShape | undefined = z.toJSONSchema(schema, {
    io: 'input',
    reused: 'inline',
    unrepresentable: 'any',
  }) as JsonShape;
  for (const part of path) node = typeof part === 'number' ? node?.items : node?.properties?.[part];
  return Object.keys(node?.properties ?? {});
}

/** In the order of the file; what is said twice, once. */
export function inFileOrder(faults: readonly PlacedFault[]): PlacedFault[] {
  const seen = new Set<string>();
  return faults
    .filter((fault) => {
      const key = JSON.stringify(fault);
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}
