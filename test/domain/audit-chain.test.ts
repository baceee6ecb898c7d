import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emptyChain,
  eventHash,
  type StoredEvent,
  sealEvents,
  sealHash,
} from '../../src/domain/audit-chain.ts';
import { minimised, networkOf } from '../../src/domain/audit-privacy.ts';
import { createChainVerifier } from '../../src/domain/audit-verify.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import { type AuditEvent, auditTypes, retentionClasses, retentionClassOf } from '../../src/domain/events.ts';
import { decision } from './backtest/support.ts';

const event: StoredEvent = {
  id: 'e1',
  at: 1_800_000_000,
  type: 'attempt',
  outcome: 'success',
  accountId: 'ada',
  clientId: 'web',
  sessionUid: null,
  correlationId: 'r',
  data: { method: 'password', n: [1, { b: 2, a: 1 }] },
  xid: '700',
};

/** As JSON.parse makes one: every name is an own member. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries);
}

/** The text, made in the plainest way. */
function plainest(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plainest)}]`;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '1e999';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  const member = (name: string) => Object.getOwnPropertyDescriptor(value, name)?.value;
  return `{${names.map((each) => `${JSON.stringify(each)}:${plainest(member(each))}`)}}`;
}

describe('canonical JSON (RFC 8785)', () => {
  test('members are sorted by code unit, numbers and strings are as ECMAScript writes them', () => {
    expect(canonicalJson({ '€': 1, a: [1e21, 0.5, -0, 'é\n'], A: { z: null, b: true } })).toBe(
      '{"A":{"b":true,"z":null},"a":[1e+21,0.5,0,"é\\n"],"€":1}',
    );
    expect(canonicalJson({ a: undefined })).toBe('{}');
    for (const odd of [undefined, Number.NaN, () => 1]) expect(() => canonicalJson(odd)).toThrow();
  });

  test('whatever the members are called', () => {
    const name = fc.oneof(
      fc.constantFrom('10', '9', '9a', '-1', '__proto__', 'toJSON', 'é', ''),
      fc.string(),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(1, -0, 'a', null, true, Number.POSITIVE_INFINITY),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.uniqueArray(fc.tuple(name, tie('any')), { selector: ([key]) => key, maxLength: 4 }).map(objectOf),
      ),
    })).any;
    fc.assert(
      fc.property(value, (any) => {
        expect(canonicalJson(any)).toBe(plainest(any));
      }),
      { numRuns: 500 },
    );
  });

  test('one value has one text, however its members were ordered', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('hashes', () => {
  test('are what the documentation says: another implementation can make them', () => {
    const facts = {
      seq: 1,
      eventId: 'e1',
      eventHash: eventHash(event),
      class: 'security',
      at: 1_800_000_000,
      xid: '700',
      epoch: 0,
      sealedAt: 1_800_000_001,
    } as const;
    expect(facts.eventHash).toBe('Auk6MNRk8zMBOT38NMZ9fVNG5OiVN0H_9XlyLoUJeno');
    expect(sealHash('', facts)).toBe('hLQnCTGPnPEjVBY8IiZ7j8Q0QXCgBw_RN4b3iiZ5IIU');
  });

  test.each(Object.keys(event))('an event’s hash covers its %s', (column) => {
    expect(eventHash({ ...event, [column]: 'other' })).not.toBe(eventHash(event));
  });

  test('a seal’s hash covers the one before it', () => {
    const [one, two] = sealEvents({ head: emptyChain, epoch: 0, now: 5 }, [event, { ...event, id: 'e2' }]);
    if (!one || !two) throw new Error('no seals');
    expect(two.seq).toBe(2);
    expect(two.hash).toBe(sealHash(one.hash, two));
    expect(two.hash).not.toBe(sealHash('', two));
  });
});

describe('the verifier', () => {
  const seals = sealEvents(
    { head: emptyChain, epoch: 0, now: event.at },
    ['e1', 'e2', 'e3'].map((id) => ({ ...event, id })),
  );
  const options = { from: emptyChain, retention: { security: 1, decision: 1, change: 1 }, now: event.at };
  const entries = seals.map((seal) => ({ seal, event: { ...event, id: seal.eventId } }));

  test('takes a batch that came twice once, and minds when it came changed', () => {
    const verifier = createChainVerifier(options);
    for (const entry of [...entries.slice(0, 2), ...entries]) verifier.entry(entry);
    const last = seals.at(-1);
    if (last) verifier.checkpoint({ v: 1, seq: 3, hash: last.hash, time: event.at });
    expect(verifier.finish()).toMatchObject({ sealed: 3, faults: 0 });
    const [first] = entries;
    if (first) verifier.entry({ ...first, event: { ...event, outcome: 'failure' } });
    expect(verifier.finish().findings).toMatchObject([{ kind: 'out_of_order', seq: 1 }]);
  });

  test('keeps so many findings and counts them all', () => {
    const verifier = createChainVerifier({ ...options, most: 2 });
    for (let n = 0; n < 10; n += 1) verifier.fault('unreadable', 0, String(n));
    expect(verifier.finish()).toMatchObject({ faults: 10, findings: [{ words: '0' }, { words: '1' }] });
  });
});

describe('what is kept of a person', () => {
  test('every type has a class of retention; an unknown one is kept longest', () => {
    expect(auditTypes.map((type) => retentionClassOf(type))).toEqual(Object.values(retentionClasses));
    expect(retentionClassOf('of a newer version')).toBe('change');
    expect(retentionClassOf('toString')).toBe('change');
  });

  test.each([
    ['203.0.113.77', '203.0.113.0'],
    ['::ffff:203.0.113.77', '203.0.113.0'],
    ['2001:db8:abcd:12:1:2:3:4', '2001:db8:abcd::'],
    ['2001:db8::1', '2001:db8:0::'],
    ['::1', '0:0:0::'],
    ['fe80::1%eth0', ''],
    ['', ''],
    ['2001:db8', ''],
    ['no address', ''],
  ])('an address is cut to its network: %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('a decision is stored without the host’s part of its address', () => {
    const its = decision({ facts: { network: { address: '203.0.113.77', asn: 64_500 } } });
    const stored = minimised({
      ...event,
      type: 'token',
      data: { scope: 'openid', decision: its },
    } as unknown as AuditEvent);
    expect(stored.data).toMatchObject({
      scope: 'openid',
      decision: { v: 1, facts: { network: { address: '203.0.113.0', asn: 64_500 }, account: { id: 'ada' } } },
    });
  });
});
