/** What is not given to the YAML parser: it is recursive, and deep nesting can end the process. Pure. */
import { CST, Lexer } from 'yaml';

/** Characters. */
const LONGEST = 1_000_000;
const DEEPEST = 100;

export interface YamlExcess {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** A text that is too long or too deep, by its tokens alone: linear in its length. */
export function yamlExcess(text: string): YamlExcess | undefined {
  if (text.length > LONGEST) return { line: 1, message: `is longer than ${LONGEST} characters` };
  const depth = createDepth();
  let line = 1;
  let column = 0;
  for (const token of new Lexer().lex(text)) {
    if (depth(token, column) > DEEPEST) return { line, message: `is nested deeper than ${DEEPEST}` };
    if (token.length === 1 && token < ' ' && token !== '\n' && token !== '\t') continue;
    const rows = token.split('\n');
    line += rows.length - 1;
    column = (rows.length > 1 ? 0 : column) + (rows.at(-1) ?? '').length;
  }
  return undefined;
}

/** What a block collection may begin with: its first key or its first indicator. */
const BEGINS: ReadonlySet<string | null> = new Set([
  'seq-item-ind',
  'explicit-key-ind',
  'scalar',
  'single-quoted-scalar',
  'double-quoted-scalar',
]);

const ALONE_AFTER: ReadonlySet<string | null> = new Set(['space', 'newline', 'doc-mode']);

/** Counts, token by token, the collections that are open: outside of brackets by their columns. */
function createDepth(): (token: string, column: number) => number {
  const columns: number[] = [];
  // For each open bracket, how many pairs are within one another since its last comma.
  const brackets: number[] = [];
  let before: ReturnType<typeof CST.tokenType> = null;
  return (token, column) => {
    const type = CST.tokenType(token);
    // A colon right after its key begins nothing that the key did not; after an alias there is a space.
    const lone = type === 'map-value-ind' && ALONE_AFTER.has(before);
    before = type;
    if (type === 'flow-map-start' || type === 'flow-seq-start') brackets.push(0);
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets.pop();
    else if (brackets.length > 0) count(brackets, type);
    else if (lone || BEGINS.has(type)) begin(columns, column);
    return columns.length + brackets.reduce((sum, pairs) => sum + Math.max(1, pairs), 0);
  };
}

function count(brackets: number[], type: string | null): void {
  const last = brackets.length - 1;
  if (type === 'comma') brackets[last] = 0;
  if (type === 'map-value-ind' || type === 'explicit-key-ind') brackets[last] = (brackets[last] ?? 0) + 1;
}

/** What began at this column or further to the right has ended. */
function begin(columns: number[], column: number): void {
  while ((columns.at(-1) ?? -1) >= column) columns.pop();
  columns.push(column);
}
