/** The README names every option, claim, reason and error. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const sdk = join(dirname(fileURLToPath(import.meta.url)), '..');
const readme = readFileSync(join(sdk, 'README.md'), 'utf8');

/** The members of an interface, or the words of a union, as they are declared. */
function declared(file: string, name: string): string[] {
  const text = readFileSync(join(sdk, 'src', file), 'utf8');
  const [body = ''] =
    new RegExp(`export (?:interface|type) ${name}\\b[^]*?(?:\\n}|;\\n(?=\\n|$))`).exec(text) ?? [];
  const members = body.startsWith('export interface') ? /^ {2}(?:readonly )?(\w+)[?:(]/gm : /\| '(\w+)'/g;
  return [...body.matchAll(members)].map(([, word = '']) => word);
}

it.each([
  ['server/options.ts', 'ResourceServerOptions'],
  ['server/options.ts', 'IntrospectionOptions'],
  ['server/options.ts', 'DpopOptions'],
  ['server/adapter.ts', 'Surroundings'],
  ['server/types.ts', 'Caller'],
  ['server/types.ts', 'Reason'],
  ['shared/demand.ts', 'Demand'],
  ['client/types.ts', 'ClientOptions'],
  ['client/keep.ts', 'KeepOptions'],
  ['client/popup.ts', 'PopupOptions'],
  ['client/storage.ts', 'ClientStorage'],
  ['client/errors.ts', 'StepUpErrorCode'],
  ['testing/issuer.ts', 'TestIssuerOptions'],
  ['testing/issuer.ts', 'Mint'],
])('names every member: %s %s', (file, name) => {
  const members = declared(file, name);
  expect(members.length).toBeGreaterThan(0);
  const code = [...readme.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text).join(' ');
  expect(members.filter((member) => !new RegExp(`\\b${member}\\b`).test(code))).toEqual([]);
});
