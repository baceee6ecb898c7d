/** The contract's API under Bun and Deno; says where it listens. */
import { build } from './edge-api.mjs';

const tell = (port) => console.log(JSON.stringify({ port }));
const at = { hostname: '127.0.0.1', port: 0 };
if (globalThis.Deno)
  Deno.serve({ ...at, onListen: ({ port }) => tell(port) }, build(JSON.parse(Deno.env.get('EDGE'))));
else tell(Bun.serve({ ...at, fetch: build(JSON.parse(process.env.EDGE)) }).port);
