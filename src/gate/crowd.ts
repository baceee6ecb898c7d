/** So many at once and no more. */
import type { Fetch } from '@stile/sdk/server';

/**
 * As `fetch`, but a POST, such as an introspection, fails at once while `most` others wait for their answers: who invents
 * tokens must not occupy the issuer. Documents and keys are fetched in any case.
 */
export function limitPosts(fetch: Fetch, most: number): Fetch {
  let waiting = 0;
  return async (url, init) => {
    if (init.method !== 'POST') return fetch(url, init);
    if (waiting >= most) throw new Error('too many introspections at once');
    waiting += 1;
    try {
      return await fetch(url, init);
    } finally {
      waiting -= 1;
    }
  };
}
