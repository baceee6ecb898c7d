/** The contract under Bun and Deno: what it says goes to the output, as JSON. */
import { contract } from './contract.mjs';

const places = globalThis.Deno ? Deno.env.get('PLACES') : process.env.PLACES;
console.log(JSON.stringify(await contract(JSON.parse(places))));
