import { describe, expect, test } from 'vitest';
import { measure, reauthentication, shares } from '../../bench/risk-measure.ts';
import { columns, joinLine, readRows, splitLine } from '../../bench/risk-rows.ts';
import { syntheticLines } from '../../bench/risk-synthetic.ts';

describe('the set', () => {
  test('is the same for a seed, another for another, and in the order of time', async () => {
    const lines = [...syntheticLines({ people: 40, seed: 3 })];
    expect([...syntheticLines({ people: 40, seed: 3 })]).toEqual(lines);
    expect([...syntheticLines({ people: 40, seed: 4 })]).not.toEqual(lines);
    const times: string[] = [];
    for await (const row of readRows(lines)) times.push(row['Login Timestamp']);
    expect(times).toEqual(times.toSorted());
    expect(times.length).toBe(lines.length - 1);
  });

  test('is read by the names of its columns, whatever their order, quotes and commas included', async () => {
    const odd = ['a, b', 'say "so"', '', 'plain'];
    expect(splitLine(joinLine(odd))).toEqual(odd);
    const turned = columns.toReversed();
    const rows: unknown[] = [];
    for await (const row of readRows([joinLine(turned), joinLine(turned)])) rows.push(row);
    expect(rows).toEqual([Object.fromEntries(columns.map((name) => [name, name]))]);
    await expect(readRows(['index,ASN', '1,2']).next()).rejects.toThrow('no column Login Timestamp');
  });
});

test('more attacks asked costs more people asked, and an attacker who knows more costs more', async () => {
  const measured = await measure(readRows(syntheticLines({ people: 150, seed: 5 })));
  expect(measured.people.length).toBe(measured.attacks.naive.length);
  const rates = (['naive', 'VPN', 'targeted'] as const).map((attacker) =>
    shares.map((share) => reauthentication(measured, attacker, share)),
  );
  for (const each of rates) expect(each).toEqual(each.toSorted((one, other) => one - other));
  const [naive = [], vpn = [], targeted = []] = rates;
  expect([(naive[1] ?? 1) < (vpn[1] ?? 0), (vpn[1] ?? 1) < (targeted[1] ?? 0)]).toEqual([true, true]);
  const count = {
    people: [0.1, 0.2, 0.6, 0.9],
    attacks: { naive: [0.5, 0.7, 0.8, 0.95], VPN: [], targeted: [] },
    rows: 8,
  };
  expect(reauthentication(count, 'naive', 0.75)).toBe(0.25);
  expect(reauthentication(count, 'naive', 1)).toBe(0.5);
});
