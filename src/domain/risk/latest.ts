import type { Visit } from './risk.ts';

/** The latest of the visits that qualify. Of two in one second always the same one, however they are ordered. */
export function latest(history: readonly Visit[], qualifies: (visit: Visit) => boolean): Visit | undefined {
  let found: Visit | undefined;
  for (const visit of history) {
    if (qualifies(visit) && (!found || isLater(visit, found))) found = visit;
  }
  return found;
}

function isLater(one: Visit, other: Visit): boolean {
  return one.at === other.at ? JSON.stringify(one) > JSON.stringify(other) : one.at > other.at;
}
