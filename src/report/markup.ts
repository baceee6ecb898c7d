/** HTML as text: everything that is filled in is escaped, but for markup that was made here. */

export interface Markup {
  readonly markup: string;
}

export type Part = Markup | string | number | readonly Part[];

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: texts.reduce((made, text, index) => `${made}${asMarkup(parts[index - 1] ?? '')}${text}`) };
}

export const nothing: Markup = { markup: '' };

function asMarkup(part: Part): string {
  if (typeof part === 'string') return escaped(part);
  if (typeof part === 'number') return String(part);
  return 'markup' in part ? part.markup : part.map(asMarkup).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => entities[letter] ?? '');
}
