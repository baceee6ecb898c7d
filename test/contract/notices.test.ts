import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBackground } from '../../src/services/background.ts';
import { tell } from '../../src/services/notices.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import { createPerson, createWorld, type FactorWorld } from '../support/factor-world.ts';

describe.skipIf(noPostgres)('what rules want told', () => {
  let one: FactorWorld;
  let two: FactorWorld;

  beforeAll(async () => {
    one = await createWorld();
    two = await createWorld({ database: one.database });
  });
  afterAll(() => one.database.drop());

  const rule = (name: string) => ({ rule: name, reason: `Because of ${name}.` });

  /** Told by two processes at once, often. */
  async function often(account: Account, ...names: string[]): Promise<readonly string[]> {
    const before = [one, two].map(({ mails }) => mails.length);
    for (let round = 0; round < 10; round += 1)
      for (const { deps } of [one, two]) tell(deps, { account, rules: names.map(rule) });
    for (const { deps } of [one, two]) await deps.background.settled();
    return [one, two].flatMap(({ mails }, at) => mails.slice(before[at]).map(({ text }) => text));
  }

  test('two processes at once tell an account of a rule once, and once more after twelve hours', async () => {
    const account = await createPerson(one);
    expect(await often(account, 'a')).toEqual([expect.stringContaining('Because of a.')]);
    expect(await often(account, 'a')).toEqual([]);
    for (const { pass } of [one, two]) pass(12 * 3600 - 1);
    expect(await often(account, 'a')).toEqual([]);
    for (const { pass } of [one, two]) pass(1);
    expect(await often(account, 'a')).toHaveLength(1);
  });

  test('a rule told lately silences no other, and no other account', async () => {
    const [account, another] = [await createPerson(one), await createPerson(one)];
    await often(account, 'a');
    const [text, ...more] = await often(account, 'a', 'b');
    expect(more).toEqual([]);
    expect(text).toContain('Because of b.');
    expect(text).not.toContain('Because of a.');
    expect(await often(another, 'a')).toHaveLength(1);
  });

  test('a fault on the way ends in the log', async () => {
    const lines: string[] = [];
    const background = createBackground({ warn: (_, message) => void lines.push(message) });
    background.start('telling a person', async () => {
      throw new Error('no database');
    });
    await background.settled();
    expect(lines).toEqual(['telling a person failed']);
  });
});
