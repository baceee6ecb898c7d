/** Faults in a configuration: each names its place and says what is wrong. */

export type FaultPath = readonly (string | number)[];

export interface Fault {
  readonly path: FaultPath;
  readonly message: string;
}

/** Everything wrong with a configuration and its environment, at once. */
export class ConfigError extends Error {
  readonly faults: readonly { readonly path: string; readonly message: string }[];

  constructor(faults: readonly Fault[]) {
    const shown = faults.map(({ path, message }) => ({ path: showPath(path), message }));
    super(shown.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.name = 'ConfigError';
    this.faults = shown;
  }
}

/** `['clients', 0, 'redirectUris', 1]` → `clients[0].redirectUris[1]`; names that are no identifiers are quoted. */
export function showPath(path: FaultPath): string {
  const shown = path
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`;
      return /^[\w-]+$/.test(part) || path.length === 1 ? `.${part}` : `[${JSON.stringify(part)}]`;
    })
    .join('');
  return shown.replace(/^\./, '') || '(file)';
}
