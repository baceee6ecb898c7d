/** The style sheet and the picture, read once at start. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Route } from '../shared/http.ts';

const files: Readonly<Record<string, string>> = {
  'style.css': 'text/css; charset=utf-8',
  'harbour.svg': 'image/svg+xml',
};

export function assetRoutes(): Route[] {
  const folder = assetFolder();
  return Object.entries(files).map(([name, type]) => {
    const body = readFileSync(join(folder, name));
    const headers = { 'content-type': type, 'cache-control': 'public, max-age=300' };
    return { method: 'GET', path: `/assets/${name}`, handle: () => ({ status: 200, headers, body }) };
  });
}

/** The compiled program runs from another folder than its source; the assets stay with the source. */
function assetFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'examples', 'harbour-bank', 'assets');
}
