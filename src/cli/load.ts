/** Loads what every command needs. */
import { type Loaded, loadConfig } from '../config/load.ts';
import { randomOctets } from '../infra/system.ts';

export interface ConfigFile {
  /** `--config`. */
  readonly file?: string;
}

/** Configuration and secrets; makes the demo's key on its first start. Error `ConfigError`. */
export function load(options: ConfigFile): Loaded {
  return loadConfig({ ...options, newKey: () => randomOctets(32) });
}

/** Imports the application without the provider library's warning about Node 20; `start` gives our own. */
export async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (!String(words[0]).includes('Unsupported runtime')) warn(...words);
  };
  try {
    return await load();
  } finally {
    console.warn = warn;
  }
}
