import { describe, expect, test } from 'vitest';
import { createPeople } from '../../../src/domain/backtest/people.ts';
import { createReplay } from '../../../src/domain/backtest/replay.ts';
import { standingOf } from '../../../src/domain/backtest/standing.ts';
import { foldTransactions } from '../../../src/domain/backtest/transactions.ts';
import type { Clause } from '../../../src/domain/requirement.ts';
import { policy, rule } from '../policy/support.ts';
import { credentials, MFA, NOW, PHR, proofBy, proofOf } from '../support.ts';
import { decision, event, levels, passwordOnly } from './support.ts';

const asks = (acr: string, more: Partial<Clause> = {}) => ({
  clauses: [{ source: 'policy' as const, name: 'r', acr: [acr], reason: 'because', ...more }],
  deny: false,
});
const nothing = { clauses: [], deny: false };
const refresh = { request: { event: 'refresh' } };

describe('prompted', () => {
  test('is who had not proved enough before the transaction', () => {
    expect(standingOf(decision(), nothing, levels)).toBe('passes');
    expect(standingOf(decision(), asks(MFA), levels)).toBe('prompted');
  });

  test('is whoever was: what was proved in the transaction does not count', () => {
    const proofs = [proofBy('password', { age: 60 }), proofBy('totp', { transaction: 'now' })];
    const its = decision({ proofs, transaction: 'now' });
    expect(standingOf(its, asks(MFA), levels)).toBe('prompted');
    expect(standingOf({ ...its, transaction: 'later' }, asks(MFA), levels)).toBe('passes');
  });

  test('is nobody for signing in: the first proof counts where there was none', () => {
    const first = proofBy('passkey', { transaction: 'now', id: 'p-1' });
    const second = proofBy('password', { transaction: 'now', id: 'p-2' });
    const signingIn = (proofs: (typeof first)[]) =>
      decision({ proofs, transaction: 'now', credentials: [credentials.passkey, credentials.password] });
    expect(standingOf(signingIn([second, first]), asks(MFA), levels)).toBe('passes');
    const [other, then] = [{ ...second, id: 'p-0' }, first];
    expect(standingOf(signingIn([other, then]), asks(MFA), levels)).toBe('prompted');
  });
});

describe('blocked', () => {
  test('is whom a rule denies', () => {
    expect(standingOf(decision(), { clauses: [], deny: true }, levels)).toBe('denied');
  });

  test('is whoever has no factor that would do, though one could be enrolled', () => {
    expect(standingOf(decision({ credentials: passwordOnly }), asks(MFA), levels)).toBe('lockedOut');
    expect(standingOf(decision(), asks(PHR), levels)).toBe('lockedOut');
  });

  test('is not who proved it all the same, with what cannot be asked of a credential', () => {
    const first = proofBy('password', { transaction: 'now', id: 'p-1' });
    const other = { ...proofOf('email', { transaction: 'now', id: 'p-2' }), kinds: ['possession' as const] };
    const its = decision({ proofs: [first, other], transaction: 'now', credentials: passwordOnly });
    expect(standingOf(its, asks(MFA), levels)).toBe('prompted');
  });
});

describe('at a refresh', () => {
  test('what the record gives now is renewed, and nothing else', () => {
    const strong = decision({
      facts: refresh,
      proofs: [proofBy('passkey', { age: 400 })],
      credentials: [credentials.passkey],
    });
    expect(standingOf(strong, asks(PHR), levels)).toBe('passes');
    expect(standingOf(strong, asks(PHR, { maxAge: 300 }), levels)).toBe('refused');
    expect(standingOf(decision({ facts: refresh }), asks(MFA), levels)).toBe('refused');
    expect(standingOf(decision({ facts: refresh }), nothing, levels)).toBe('passes');
    expect(standingOf(decision({ facts: refresh }), { clauses: [], deny: true }, levels)).toBe('refused');
  });

  test('no proof is of this moment, though the record is of its transaction', () => {
    const its = decision({
      facts: refresh,
      transaction: 'then',
      proofs: [proofBy('passkey', { age: 400, transaction: 'then' })],
      credentials: [credentials.passkey],
    });
    expect(standingOf(its, asks(PHR, { maxAge: 300 }), levels)).toBe('refused');
  });
});

describe('what was not recorded', () => {
  const strict = (when: string, more = {}) =>
    createReplay(policy(rule('r', when, { effect: { kind: 'require', acr: [MFA] }, ...more })), levels);

  test('is never guessed: a rule on risk makes a decision without one unknown', () => {
    const its = event(decision({ facts: { risk: { known: false } } }));
    for (const when of ['risk.score > 0.5', 'risk.score <= 1.0', '!device.known'])
      expect(strict(when)(its)).toMatchObject({ after: 'unknown', unsure: ['r'], matched: [] });
    expect(strict('risk.score <= 1.0')(event(decision()))).toMatchObject({ after: 'prompted', unsure: [] });
  });

  test('matters only where it could change the outcome', () => {
    const blind = { risk: { known: false } };
    const proved = decision({
      facts: blind,
      proofs: [proofBy('passkey')],
      credentials: [credentials.passkey],
    });
    expect(strict('risk.score > 0.5')(event(proved))).toMatchObject({ after: 'passes', unsure: ['r'] });
    const elsewhere = strict('risk.score > 0.5 && client.id == "shop"')(event(decision({ facts: blind })));
    expect(elsewhere).toMatchObject({ after: 'passes', unsure: [] });
    const watched = strict('risk.score > 0.5', { mode: 'observe' })(event(decision({ facts: blind })));
    expect(watched).toMatchObject({ after: 'passes', unsure: ['r'] });
  });

  test('a whole address is none of what is kept', () => {
    const its = decision({ facts: { network: { address: '203.0.113.0' } } });
    expect(strict('network.address == "203.0.113.7"')(event(its)).after).toBe('unknown');
    expect(strict('network.country == "GB"')(event(its)).after).toBe('passes');
  });

  test("the hour is that of the draft's time zone", () => {
    const hour = new Date(NOW * 1000).getUTCHours();
    const made = policy(rule('r', `time.hour == ${(hour + 9) % 24}`, { effect: { kind: 'deny' } }));
    const replayed = createReplay({ ...made, timeZone: 'Asia/Tokyo' }, levels)(event(decision()));
    expect(replayed.after).toBe('denied');
  });
});

describe('memory', () => {
  const item = (transaction: string, at: number, more = {}) => ({
    kind: 'authorization',
    transaction,
    at,
    last: false,
    ...more,
  });

  test('a transaction counts once: its authorization, else its last', () => {
    const counted: string[] = [];
    const fold = foldTransactions((one: ReturnType<typeof item> & { name?: string }) =>
      counted.push(`${one.transaction} ${one.name}`),
    );
    fold.add({ ...item('a', 0), name: 'asked' });
    fold.add({ ...item('b', 1), name: 'asked' });
    fold.add({ ...item('a', 2), name: 'asked again' });
    fold.add({ ...item('a', 3, { last: true }), name: 'granted' });
    fold.add({ ...item('a', 4, { kind: 'refresh' }), name: 'refreshed' });
    expect(counted).toEqual(['a granted', 'a refreshed']);
    fold.end();
    expect(counted.slice(2)).toEqual(['b asked']);
  });

  test('transactions are not kept open for ever', () => {
    const counted: string[] = [];
    const fold = foldTransactions(({ transaction }: ReturnType<typeof item>) => counted.push(transaction), 2);
    fold.add(item('old', 0));
    fold.add(item('a', 4000));
    expect(counted).toEqual(['old']);
    fold.add(item('b', 4001));
    fold.add(item('c', 4002));
    expect(counted).toEqual(['old', 'a']);
  });

  test('beyond what is kept of people the numbers are the least', () => {
    const replay = createReplay(policy(rule('r', 'true', { effect: { kind: 'deny' } })), levels);
    const people = createPeople({ mostSeen: 2, mostAffected: 2 });
    for (const id of ['ada', 'ben', 'cleo', 'ada'])
      people.count(replay(event(decision({ facts: { account: { id } } }), { accountId: id })), [
        'extraBlocks',
      ]);
    expect(people.report()).toMatchObject({ seen: 2, affected: 2, exact: false });
    expect(people.report().most[0]).toMatchObject({ account: 'ada', extraBlocks: 2 });
  });
});
