/** Path patterns: literal segments, `:name` and `*` for one segment, `**` at the end for the rest, none included. */
import { normalisePath } from './path.ts';

export type PatternPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name?: string }
  | { readonly kind: 'rest' };

export type ParsedPattern = { readonly parts: readonly PatternPart[] } | { readonly fault: string };

/** `/accounts/:id/**` → its parts, or what is wrong with it in words for the operator. */
export function parsePattern(pattern: string): ParsedPattern {
  const normal = normalisePath(pattern);
  if (!normal.ok) return { fault: `no request can have this path (${normal.fault})` };
  if (pattern.includes('?')) return { fault: 'a pattern has no query' };
  const parts = normal.segments.map(partOf);
  const fault = parts.find((part) => 'fault' in part);
  if (fault && 'fault' in fault) return fault;
  const good = parts.filter((part): part is PatternPart => 'kind' in part);
  if (good.slice(0, -1).some(({ kind }) => kind === 'rest')) return { fault: '** stands at the end only' };
  const names = good.flatMap((part) => (part.kind === 'one' && part.name ? [part.name] : []));
  if (new Set(names).size < names.length) return { fault: 'a name is used twice' };
  return { parts: good };
}

function partOf(segment: string): PatternPart | { fault: string } {
  if (segment === '**') return { kind: 'rest' };
  if (segment === '*') return { kind: 'one' };
  if (segment.includes('*')) return { fault: `"${segment}": * stands for a whole segment` };
  if (!segment.startsWith(':')) return { kind: 'literal', text: segment };
  const name = segment.slice(1);
  return /^[A-Za-z_]\w*$/.test(name) ? { kind: 'one', name } : { fault: `"${segment}" is no name` };
}

/** Whether the pattern covers the path: the plain definition, which the index has to agree with. */
export function covers(parts: readonly PatternPart[], segments: readonly string[]): boolean {
  const rest = parts.at(-1)?.kind === 'rest';
  const fixed = rest ? parts.slice(0, -1) : parts;
  if (rest ? segments.length < fixed.length : segments.length !== fixed.length) return false;
  return fixed.every((part, index) => part.kind !== 'literal' || part.text === segments[index]);
}
