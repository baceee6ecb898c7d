// Runs a TypeScript file in a process of its own, on every supported Node: `fork(this file, [file, ...args])`.
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [file] = process.argv.splice(2, 1);
const root = fileURLToPath(new URL('../..', import.meta.url));
await runnerImport(file, { root, configFile: false, logLevel: 'error' });
