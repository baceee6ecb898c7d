/** `npm start`: builds what is out of date, then runs `stile start` with the arguments given. */
import './node-version.cjs';

const { build } = await import('./build.mjs');
await build();
process.argv.splice(2, 0, 'start');
await import('../dist/src/cli.js');
