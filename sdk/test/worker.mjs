/** The contract under workerd: where everything is comes in a request, what the contract says goes back. */
import * as sdk from '../dist/client/index.js';
import { contract } from './contract.mjs';

export default {
  fetch: async (request) => Response.json(await contract(sdk, await request.json())),
};
