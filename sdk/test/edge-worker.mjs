/** The contract's API under workerd, which makes nothing before a request. */
import { build } from './edge-api.mjs';

let api;

export default {
  fetch: (request, { EDGE }) => {
    api ??= build(JSON.parse(EDGE));
    return api(request);
  },
};
