/** What becomes of a call on its way, and of a question nobody answers. */

import type { Obtain } from '@stile/sdk/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { API, type ClientWorld, challenge, createClientWorld, createGate, outcome } from './client-world.ts';

let world: ClientWorld;
beforeEach(() => {
  world = createClientWorld();
});

describe('a Request', () => {
  const seen = () => {
    const requests: Request[] = [];
    world.api = ({ request }) => {
      requests.push(request);
      return requests.length === 1
        ? challenge('error="insufficient_user_authentication", acr_values="phr"')
        : Response.json('done');
    };
    return requests;
  };

  it('keeps its own settings, also when it is sent again', async () => {
    const requests = seen();
    const own = { credentials: 'omit', integrity: 'sha256-YWJj', cache: 'no-store' } as const;
    await world.open()(new Request(`${API}/x`, { ...own, method: 'POST', body: 'x' }));
    expect(requests).toHaveLength(2);
    for (const request of requests) expect(request).toMatchObject(own);
  });

  it('has those given beside it in their place', async () => {
    const requests = seen();
    await world.open()(new Request(`${API}/x`, { credentials: 'omit' }), { credentials: 'include' });
    expect(requests.map(({ credentials }) => credentials)).toEqual(['include', 'include']);
  });

  it('is aborted by its own signal', async () => {
    const controller = new AbortController();
    const gate = createGate();
    world.api = async ({ request }) => {
      await gate.pass();
      return Response.json({ aborted: request.signal.aborted });
    };
    const call = world.open()(new Request(`${API}/x`, { signal: controller.signal }));
    await gate.entered;
    controller.abort();
    gate.open();
    expect(await (await call).json()).toEqual({ aborted: true });
  });

  it('is never followed to another address', async () => {
    const requests = seen();
    await world.open()(new Request(`${API}/x`, { redirect: 'follow' }));
    expect(requests.map(({ redirect }) => redirect)).toEqual(['manual', 'manual']);
  });

  it('with a body may be a stream, where none is to be read into memory', async () => {
    const fetcher = world.open({ streams: 'refuse' });
    const stream = () => new Blob(['x']).stream();
    const streamed = { method: 'POST', body: stream(), duplex: 'half' } as RequestInit;
    expect(await outcome(fetcher(new Request(`${API}/x`, streamed)))).toBe('body_not_kept');
    expect(await outcome(fetcher(new Request(`${API}/x`)))).toBe(200);
    expect(await outcome(fetcher(`${API}/x`, { method: 'POST', body: 'x' }))).toBe(200);
  });
});

describe('a question nobody answers', () => {
  /** The first question waits until its signal; the others are answered. */
  const obtainWith = (isLeft: () => boolean) => {
    const gate = createGate();
    let asked = 0;
    const obtain: Obtain = ({ url, signal }) => {
      asked += 1;
      if (asked > 1) return Promise.resolve(world.visit(url));
      void gate.pass();
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    return { obtain: Object.assign(obtain, { isLeft }), gate, asked: () => asked };
  };

  it('is asked anew by a call of who left it, and ended', async () => {
    const { obtain, gate, asked } = obtainWith(() => true);
    const fetcher = world.open({ obtain });
    const first = outcome(fetcher(`${API}/x`));
    await gate.entered;
    expect(await outcome(fetcher(`${API}/x`))).toBe(200);
    expect([await first, asked()]).toEqual(['Error: aborted', 2]);
    expect(await outcome(fetcher(`${API}/x`))).toBe(200);
  });

  it('is one question for all calls until then, and before it is asked', async () => {
    let left = false;
    const { obtain, gate, asked } = obtainWith(() => left);
    const fetcher = world.open({ obtain });
    const calls = [fetcher(`${API}/x`), fetcher(`${API}/x`)].map(outcome);
    await gate.entered;
    calls.push(outcome(fetcher(`${API}/x`)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked()).toBe(1);
    left = true;
    expect(await outcome(fetcher(`${API}/x`))).toBe(200);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['Error: aborted']));
  });

  it('two calls at once are one, though who makes them is at the page', async () => {
    let asked = 0;
    const obtain: Obtain = async ({ url }) => {
      asked += 1;
      return world.visit(url);
    };
    const fetcher = world.open({ obtain: Object.assign(obtain, { isLeft: () => true }) });
    expect(await Promise.all([1, 2, 3].map(() => outcome(fetcher(`${API}/x`))))).toEqual([200, 200, 200]);
    expect(asked).toBe(1);
  });
});
