/** When one level includes another, and each thing that keeps it from doing so. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, implies, type Level, type Slot, slotMethods } from '../../src/domain/ladder.ts';
import { FA, MFA } from './support.ts';

const [one, mfa, phr] = defaultLevels as [Level, Level, Level];
const level = (acr: string, slots: readonly Slot[], more: Partial<Level> = {}): Level => ({
  ...one,
  acr,
  alternatives: [{ slots }],
  ...more,
});
const holds = (stronger: Level, weaker: Level): boolean => implies(stronger, weaker, defaultLevels);

const password = { kind: 'knowledge' } as const;
const device = { kind: 'possession' } as const;

describe('slots', () => {
  test('every level includes itself', () => {
    for (const each of defaultLevels) expect(holds(each, each)).toBe(true);
  });

  test.each<[string, Slot, Slot]>([
    ['a method', { method: ['totp'] }, { method: ['totp', 'passkey'] }],
    ['a kind by the methods that have it', { method: ['totp', 'passkey'] }, device],
    ['anything', { method: ['email'] }, {}],
    ['a passkey in a phishing-resistant slot', { method: ['passkey'] }, { phishingResistant: true }],
    ['verification by a verified passkey', { userVerified: true }, { kind: 'verification' }],
    ['a verified passkey by verification', { kind: 'verification' }, { userVerified: true }],
    ['possession by hardware', { hardwareProtected: true }, device],
  ])('a narrower slot fills a wider one: %s', (_, have, need) => {
    expect(holds(level('s', [have]), level('w', [need]))).toBe(true);
  });

  test.each<[string, Slot, Slot]>([
    ['one method too many', { method: ['totp', 'email'] }, { method: ['totp'] }],
    ['another kind', password, device],
    ['a code in a phishing-resistant slot', device, { kind: 'possession', phishingResistant: true }],
    ['a passkey that may not have verified its user', { method: ['passkey'] }, { userVerified: true }],
    ['a passkey that may not have verified its user', { method: ['passkey'] }, { kind: 'verification' }],
    ['a passkey of any make', { method: ['passkey'], userVerified: true }, { hardwareProtected: true }],
    ['anything at all', {}, { method: ['password'] }],
  ])('a wider slot does not fill a narrower one: %s', (_, have, need) => {
    expect(holds(level('s', [have]), level('w', [need]))).toBe(false);
  });

  test('each slot is filled by another one', () => {
    expect(holds(level('s', [device]), level('w', [device, device]))).toBe(false);
    expect(holds(level('s', [device, device]), level('w', [device, device]))).toBe(true);
    expect(
      holds(level('s', [{ method: ['passkey'] }, device]), level('w', [device, { method: ['passkey'] }])),
    ).toBe(true);
  });

  test('every alternative of the stronger level must hold the weaker one', () => {
    const either: Level = { ...one, acr: 's', alternatives: [{ slots: [password] }, { slots: [device] }] };
    expect(holds(either, one)).toBe(false);
    expect(holds({ ...either, alternatives: either.alternatives.slice(0, 1) }, one)).toBe(true);
  });

  test.each<[Slot, string[]]>([
    [{ kind: 'possession' }, ['totp', 'passkey']],
    [{ phishingResistant: true }, ['passkey']],
    [{ kind: 'knowledge', userVerified: true }, []],
    [{ method: ['email', 'password'], kind: 'knowledge' }, ['password']],
  ])('the methods that could fill %j', (slot, methods) => {
    expect(slotMethods(slot)).toEqual(methods);
  });
});

describe('what is beside the slots', () => {
  test('a perClient level is included in perClient levels only', () => {
    expect(holds(level('s', [device]), level('w', [device], { perClient: true }))).toBe(false);
    expect(holds(level('s', [device], { perClient: true }), level('w', [device], { perClient: true }))).toBe(
      true,
    );
    expect(holds(level('s', [device], { perClient: true }), level('w', [device]))).toBe(true);
  });

  test('a level that device grants may not carry is not included in one that they may', () => {
    const [near, far] = [{ crossDevice: false }, { crossDevice: true }];
    expect(holds(level('s', [device], far), level('w', [device], near))).toBe(false);
    expect(holds(level('s', [device], near), level('w', [device], far))).toBe(true);
    expect(holds(level('s', [device], near), level('w', [device], near))).toBe(true);
  });

  test('a level that pauses is included only in those that pause as soon and resume as strictly', () => {
    const idle = (after: number, ...resumeWith: ('password' | 'passkey')[]) => ({
      idle: { after, resumeWith },
    });
    const weaker = level('w', [device], idle(900, 'password', 'passkey'));
    expect(holds(level('s', [device]), weaker)).toBe(false);
    expect(holds(level('s', [device], idle(901, 'passkey')), weaker)).toBe(false);
    expect(holds(level('s', [device], idle(900, 'passkey')), weaker)).toBe(true);
    expect(holds(level('s', [device], idle(60, 'password')), level('w', [device], idle(60, 'passkey')))).toBe(
      false,
    );
  });

  test('a level that requires a binding is included in those that require one as strong', () => {
    const weaker = level('w', [device], { requiresBinding: MFA });
    expect(holds(level('s', [device]), weaker)).toBe(false);
    expect(holds(level('s', [device], { requiresBinding: FA }), weaker)).toBe(false);
    expect(holds(level('s', [device], { requiresBinding: MFA }), weaker)).toBe(true);
    expect(holds(level('s', [device], { requiresBinding: 'phr' }), weaker)).toBe(true);
  });

  test('what the weaker level wants bound must be bound in the stronger one too: only anchors are', () => {
    const bound = { requiresBinding: MFA };
    const weaker = level('w', [password], bound);
    expect(holds(level('s', [password, device], bound), weaker)).toBe(false);
    expect(holds(level('s', [password, device], { ...bound, freshness: 'all' }), weaker)).toBe(true);
  });

  test('a level that lets no proof age is not included in one that lets it grow older', () => {
    const weaker = level('w', [password, device], { maxAge: 600 });
    expect(holds(level('s', [password, device]), weaker)).toBe(false);
    expect(holds(level('s', [password, device], { maxAge: 601 }), weaker)).toBe(false);
    expect(holds(level('s', [password, device], { maxAge: 600 }), weaker)).toBe(true);
    expect(holds(level('s', [password, device], { maxAge: 600, freshness: 'all' }), weaker)).toBe(true);
    const lasting = { maxAge: 600, freshness: 'all', tokensFor: 601 } as const;
    expect(holds(level('s', [password, device], lasting), weaker)).toBe(false);
  });

  test('a way round one of its conditions does not let a level be included', () => {
    const verified = { ...device, userVerified: true } as const;
    expect(holds(level('s', [verified]), mfa)).toBe(true);
    expect(holds(level('s', [{ method: ['passkey'] }]), mfa)).toBe(false);
    expect(holds(phr, mfa)).toBe(true);
    expect(holds(mfa, phr)).toBe(false);
  });
});
