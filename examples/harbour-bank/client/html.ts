/** HTML by tagged templates: whatever is put in is escaped, unless it is HTML made here. */

const made = new WeakSet<object>();

export interface Html {
  readonly text: string;
}

type Part = string | number | undefined | Html | readonly Html[];

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const text = strings.map((string, index) => string + render(parts[index])).join('');
  const result = { text };
  made.add(result);
  return result;
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  if ('text' in part) return made.has(part) ? part.text : escapeHtml(part.text);
  return part.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
