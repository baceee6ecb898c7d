import { expect, test } from 'vitest';
import { isTimeZone, timeFacts } from '../../../src/domain/policy/time.ts';

const at = (text: string): number => Date.parse(text) / 1000;

test.each([
  ['2026-11-27T23:30:00Z', 'UTC', { hour: 23, weekday: 5, date: '2026-11-27' }],
  ['2026-11-27T23:30:00Z', 'Europe/Berlin', { hour: 0, weekday: 6, date: '2026-11-28' }],
  ['2026-07-05T00:10:00Z', 'America/New_York', { hour: 20, weekday: 6, date: '2026-07-04' }],
  ['2026-11-29T00:00:00Z', 'UTC', { hour: 0, weekday: 7, date: '2026-11-29' }],
])('%s in %s', (moment, zone, expected) => {
  expect(timeFacts(at(moment), zone)).toEqual(expected);
});

test('a time zone has an IANA name', () => {
  expect(['Europe/Paris', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});
