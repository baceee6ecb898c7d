/** The facts of the time of day. */
import type { TimeFacts } from './facts.ts';

const formats = new Map<string, Intl.DateTimeFormat>();
/** The last minute of each time zone: a date is written for everybody who comes in it. */
const minutes = new Map<string, { readonly minute: number; readonly facts: TimeFacts }>();
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `now`: epoch seconds; `timeZone`: an IANA name that `isTimeZone` knows. */
export function timeFacts(now: number, timeZone: string): TimeFacts {
  const minute = Math.floor(now / 60);
  const last = minutes.get(timeZone);
  if (last?.minute === minute) return last.facts;
  const facts = written(now, timeZone);
  minutes.set(timeZone, { minute, facts });
  return facts;
}

function written(now: number, timeZone: string): TimeFacts {
  const parts = formatOf(timeZone).formatToParts(new Date(now * 1000));
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return {
    hour: Number(part('hour')),
    weekday: weekdays.indexOf(part('weekday')) + 1,
    date: `${part('year')}-${part('month')}-${part('day')}`,
  };
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Making one takes far longer than using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
  });
  formats.set(timeZone, made);
  return made;
}
