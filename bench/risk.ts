/**
 * `npm run bench:risk`: people asked for more against attacks asked for more, on the synthetic set, or on the public one:
 * `node dist/bench/risk.js rba-dataset.csv [one person in so many, 20]`. And what judging costs.
 */
import { argv } from 'node:process';
import { attackers, measure, reauthentication, shares } from './risk-measure.ts';
import { linesOf, readRows } from './risk-rows.ts';
import { riskMicroseconds } from './risk-speed.ts';
import { syntheticLines } from './risk-synthetic.ts';

const [file, every = '20'] = argv.slice(2);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const measured = file
  ? await measure(readRows(linesOf(file)), { every: Number(every) })
  : await measure(readRows(syntheticLines()));

console.log(
  file ? `${file}, one person in ${every}` : 'Synthetic set, 4,000 people, seed 1: not measured on people.',
);
console.log(`${measured.rows} rows, ${measured.people.length} sign-ins judged, as many attacks of each kind`);
console.log(`\nPeople asked for more, when of the attacks so many are\n`);
console.log(`attacks asked ${attackers.map((name) => name.padStart(10)).join('')}`);
for (const share of shares) {
  const cells = attackers.map((name) => percent(reauthentication(measured, name, share)).padStart(10));
  console.log(`${percent(share).padEnd(13)} ${cells.join('')}`);
}
console.log(
  `\nOne judgement: ${[0, 10, 100].map((rows) => `${riskMicroseconds(rows).toFixed(1)} µs with ${rows} sign-ins`).join(', ')}`,
);
