/** The contract under workerd: where everything is comes in a request, what the contract says goes back. */
import { contract } from './contract.mjs';

export default {
  fetch: async (request) => Response.json(await contract(await request.json())),
};
