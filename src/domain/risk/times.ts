/** Signals of when and how often: the hour, a long absence, failures. */
import { evidence, many, unknown } from './evidence.ts';
import type { Evidence, Failures, RiskInput, Signal } from './risk.ts';

const day = 86_400;
/** Sign-ins, and days they fell on, before a habit can be spoken of. */
const least = { signIns: 10, days: 5 };
/** How concentrated one sign-in's hour is taken to be: a von Mises kernel of about an hour and a half. */
const concentration = 6.5;
/** Density below which an hour is unusual, where 1 is that of a person without any habit. */
const unusual = 0.25;

/** The kernel's normaliser, its modified Bessel function I0, by its series. */
const bessel = (() => {
  let [term, sum] = [1, 1];
  for (let k = 1; k < 40; k += 1) {
    term *= (concentration / 2 / k) ** 2;
    sum += term;
  }
  return sum;
})();

/**
 * The hour of the day is a point on a circle; how usual it is, the density of the person's sign-ins there, smoothed with one
 * sign-in spread over all hours. Clock time is UTC's, which only daylight saving shifts.
 */
export function unusualHour({ now, history }: RiskInput): Evidence {
  const signal = 'unusual_hour';
  const days = new Set(history.map(({ at }) => Math.floor(at / day))).size;
  if (history.length < least.signIns || days < least.days) {
    return unknown(signal, 'There are too few sign-ins to speak of an hour.');
  }
  const density = hourDensity(
    now.at,
    history.map(({ at }) => at),
  );
  return evidence(signal, {
    present: density < unusual,
    values: { density: Math.round(density * 100) / 100, hour: new Date(now.at * 1000).getUTCHours() },
    words: `Signing in at this hour is ${(density * 100).toFixed(0)} % as usual as at any hour at random.`,
  });
}

/** 1: as if all hours were alike. Epoch seconds. */
export function hourDensity(now: number, history: readonly number[]): number {
  let sum = 0;
  for (const at of history) sum += Math.exp(concentration * Math.cos((2 * Math.PI * (now - at)) / day));
  return (sum / bessel + 1) / (history.length + 1);
}

/** Days without a sign-in after which an account is dormant. */
const longest = 60;

export function dormant({ now, lastSignInAt }: RiskInput): Evidence {
  if (lastSignInAt === null)
    return evidence('dormant', {
      present: false,
      values: { days: -1 },
      words: 'There was no sign-in before.',
    });
  const days = Math.max(0, Math.floor((now.at - lastSignInAt) / day));
  return evidence('dormant', {
    present: days >= longest,
    values: { days },
    words: `The last sign-in was ${many(days, 'day')} ago.`,
  });
}

/** Failures in an hour from which a count speaks: people mistype, and many share a network. */
const tolerated: Failures = { account: 5, address: 10, network: 50 };

export function failuresOf(of: keyof Failures, { failures }: Pick<RiskInput, 'failures'>): Evidence {
  const count = failures[of];
  const signal: Signal = `failures_${of}`;
  return evidence(signal, {
    present: count >= tolerated[of],
    values: { count },
    words: `${many(count, 'failed attempt')} in the last hour, counted by ${of}.`,
  });
}
