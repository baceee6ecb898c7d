/** The contract under Bun and Deno: what it says goes to the output, as JSON. */
import * as sdk from '../dist/client/index.js';
import { contract } from './contract.mjs';

const places = globalThis.Deno ? Deno.env.get('PLACES') : process.env.PLACES;
console.log(JSON.stringify(await contract(sdk, JSON.parse(places))));
