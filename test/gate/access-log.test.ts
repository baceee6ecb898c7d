import type { Caller } from '@stile/sdk/server';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { accessLine, bufferLines } from '../../src/gate/access-log.ts';
import type { DecisionRecord } from '../../src/gate/records.ts';
import type { Rule } from '../../src/gate/rule.ts';

const caller = fc.record(
  {
    clientId: fc.string({ unit: 'binary' }),
    sub: fc.string({ unit: 'binary' }),
    acr: fc.string(),
    authTime: fc.integer({ min: 0, max: 2e9 }),
    scope: fc.constant([]),
    expiresAt: fc.constant(0),
    binding: fc.constant('bearer' as const),
    claims: fc.constant({}),
  },
  { requiredKeys: ['clientId', 'scope', 'expiresAt', 'binding', 'claims'] },
);
const demand = fc.record(
  { acr: fc.array(fc.string(), { minLength: 1 }), maxAge: fc.integer({ min: 30, max: 1e6 }) },
  { requiredKeys: [] },
);
const rule = demand.map(
  (asks): Rule => ({
    order: 0,
    name: 'a.b_c-1',
    pattern: '/',
    parts: [],
    effect: { kind: 'token', demand: asks },
  }),
);
const request = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  scheme: fc.constant('https' as const),
  authority: fc.string(),
  host: fc.string(),
  target: fc.string({ unit: 'binary' }).map((text) => `/${text}`),
  client: fc.constantFrom('203.0.113.9', '::1'),
});
const record = fc
  .record(
    {
      caller,
      rule,
      request,
      detail: fc.string({ unit: 'binary' }),
      took: fc.double({ min: 0, max: 1e5, noNaN: true }),
      at: fc.integer({ min: 0, max: 2e12 }),
      status: fc.constantFrom(200 as const, 403 as const),
    },
    { requiredKeys: ['took', 'at', 'status'] },
  )
  .map(({ caller: who, rule: by, request: asked, detail, took, at, status }): DecisionRecord => {
    const rest = { ...(who && { caller: who as Caller }), ...(by && { rule: by }) };
    const verdict = { status, reason: 'allowed' as const, headers: {}, body: {}, ...rest };
    return { verdict: { ...verdict, ...(detail !== undefined && { detail }) }, request: asked, took, at };
  });

/** The line as JSON.stringify writes it. */
function plainly({ verdict, request: asked, took, at }: DecisionRecord): string {
  const { caller: who, rule: by, status, reason, detail } = verdict;
  const demands = by?.effect.kind === 'token' ? by.effect.demand : undefined;
  return JSON.stringify({
    time: new Date(at).toISOString(),
    outcome: status === 200 ? 'allow' : 'refuse',
    status,
    reason,
    detail,
    rule: by?.name,
    sub: who?.sub,
    client: who?.clientId,
    address: asked?.client,
    method: asked?.method,
    host: asked?.host,
    path: asked?.target?.split('?', 1)[0],
    acr: who?.acr,
    wanted: demands?.acr,
    age: who?.authTime === undefined ? undefined : Math.max(0, Math.floor(at / 1000) - who.authTime),
    maxAge: demands?.maxAge,
    ms: Math.round(took * 1000) / 1000,
  });
}

test('a line is what JSON.stringify would write, whatever clients send', () => {
  fc.assert(
    fc.property(record, (entry) => {
      expect(accessLine(entry)).toBe(plainly(entry));
      expect(accessLine(entry)).toBe(plainly(entry));
    }),
    { numRuns: 2000 },
  );
});

afterEach(() => void vi.useRealTimers());

test('lines wait for a moment, never for more than 64 KB, and none is lost at the end', () => {
  vi.useFakeTimers();
  const written: string[] = [];
  const { add, flush } = bufferLines((lines) => void written.push(lines));
  add('1');
  add('2');
  expect(written).toEqual([]);
  vi.advanceTimersByTime(50);
  expect(written).toEqual(['1\n2']);
  add('x'.repeat(40_000));
  add('y'.repeat(40_000));
  expect(written.at(-1)).toHaveLength(80_001);
  add('3');
  flush();
  flush();
  vi.advanceTimersByTime(1000);
  expect(written.at(-1)).toBe('3');
  expect(written).toHaveLength(3);
});
