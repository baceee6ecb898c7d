/** Microseconds to judge one visit by a history of so many. */
import { assessRisk } from '../src/domain/risk/assess.ts';
import { nobody } from '../src/domain/risk/overall.ts';
import type { RiskInput, Visit } from '../src/domain/risk/risk.ts';

const now = 1_800_000_000;

function visit(index: number): Visit {
  return {
    at: now - index * 40_000,
    address: `address-${index % 9}`,
    network: `network-${index % 7}`,
    asn: 64_496 + (index % 4),
    country: index % 10 === 0 ? 'SE' : 'NO',
    place: { latitude: 59.9 - index / 100, longitude: 10.7, radiusKm: 20 },
    device: `device-${index % 3}`,
    agent: { browser: 'Firefox', version: 140 - Math.floor(index / 20), os: 'Windows', kind: 'desktop' },
    session: '',
  };
}

function input(rows: number): RiskInput {
  return {
    now: visit(0),
    network: { shown: '192.0.2.0/24', private: false, listed: false, anonymising: false },
    device: { known: true, remembered: false },
    history: Array.from({ length: rows }, (_, index) => visit(index + 1)),
    lastSignInAt: now - 40_000,
    overall: { ...nobody, signIns: 50_000, people: 5000 },
    failures: { account: 1, address: 2, network: 3 },
    session: visit(3),
    token: visit(4),
  };
}

/** Of processor time, so that whatever else the machine does is not measured: median of 41 rounds of 400 calls. */
export function riskMicroseconds(rows = 100): number {
  const given = input(rows);
  for (let call = 0; call < 3000; call += 1) assessRisk(given);
  const rounds = Array.from({ length: 41 }, () => {
    const begin = process.cpuUsage();
    for (let call = 0; call < 400; call += 1) assessRisk(given);
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / 400;
  });
  return rounds.toSorted((one, other) => one - other)[20] ?? 0;
}
