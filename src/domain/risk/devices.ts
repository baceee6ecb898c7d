/** Signals of the browser, and of cookies and tokens that left it. */
import { evidence, unknown } from './evidence.ts';
import { latest } from './latest.ts';
import { otherNetwork } from './places.ts';
import type { Agent, Evidence, RiskInput } from './risk.ts';

/** A remembered browser is not new; nothing else is lifted by it. */
export function newDevice({ device }: RiskInput): Evidence {
  const present = !device.known && !device.remembered;
  return evidence('new_device', {
    present,
    words: present
      ? 'This person has never signed in in this browser.'
      : 'This person has signed in in this browser before.',
  });
}

/** The same browser, by its cookie, calls itself another: another program or system, or an earlier version. */
export function userAgentChanged({ now, history }: RiskInput): Evidence {
  const signal = 'user_agent_changed';
  const before = now.device === '' ? undefined : latest(history, ({ device }) => device === now.device);
  if (!before) return unknown(signal, 'This browser has not been seen before.');
  const changes = agentChanges(before.agent, now.agent);
  return evidence(signal, {
    present: changes.length > 0,
    values: { before: nameOf(before.agent), now: nameOf(now.agent) },
    words:
      changes.length > 0
        ? `The same browser’s ${changes.join(', ')} changed.`
        : 'The browser describes itself as before, or as an update of it.',
  });
}

/** "Desktop site" on a phone or tablet: the same browser, under the name of another system. */
const disguises: readonly (readonly [string, string])[] = [
  ['Android', 'Linux'],
  ['iOS', 'macOS'],
];

function agentChanges(before: Agent, now: Agent): readonly string[] {
  const program = anotherOrSilent(before.browser, now.browser);
  const system = differs(before.os, now.os) && !disguised(before.os, now.os);
  const older = !program && now.version > 0 && now.version < before.version;
  return [
    program ? 'program' : [],
    system ? 'system' : [],
    older ? 'version, to an earlier one,' : [],
  ].flat();
}

function differs(one: string, other: string): boolean {
  return one !== '' && other !== '' && one !== other;
}

/** What said its name once and says none now is no longer itself: whoever leaves a header out is not less suspicious. */
function anotherOrSilent(before: string, now: string): boolean {
  return before !== '' && now !== before;
}

function disguised(one: string, other: string): boolean {
  return disguises.some((pair) => pair.includes(one) && pair.includes(other));
}

function nameOf({ browser, version, os }: Agent): string {
  return `${browser} ${version}, ${os}`.slice(0, 60);
}

/** Another program or system, or one that no longer says which; of a cookie's key nothing is said. */
function otherProgram(before: Agent, now: Agent): boolean {
  return (
    anotherOrSilent(before.browser, now.browser) ||
    (differs(before.os, now.os) && !disguised(before.os, now.os))
  );
}

/** The session's cookie comes from another network or browser than it was last proved from. */
export function sessionElsewhere({ now, network, session }: RiskInput): Evidence {
  const signal = 'session_elsewhere';
  if (!session) return unknown(signal, 'Where the session was proved is not known.');
  const moved = !network.private && otherNetwork(now, session) === true;
  const device = anotherOrSilent(session.device, now.device);
  const program = otherProgram(session.agent, now.agent);
  const changed = [moved ? 'network' : [], device ? 'browser' : [], program ? 'program' : []].flat();
  return evidence(signal, {
    present: changed.length > 0,
    values: { changed: changed.join(', ') },
    words:
      changed.length > 0
        ? `The session’s cookie comes from another ${changed.join(' and another ')}.`
        : 'The session’s cookie comes from where it was proved.',
  });
}

/** A token of a client is used from another network and by another program than it was issued to; one alone is usual. */
export function tokenElsewhere({ now, network, token }: RiskInput): Evidence {
  const signal = 'token_elsewhere';
  if (!token) return unknown(signal, 'What the token was issued to is not known.');
  const moved = !network.private && otherNetwork(now, token) === true;
  const program = otherProgram(token.agent, now.agent);
  return evidence(signal, {
    present: moved && program,
    values: { network: moved ? 'another' : 'same', program: program ? 'another' : 'same' },
    words: `The token is used from ${moved ? 'another' : 'the same'} network and by ${program ? 'another' : 'the same'} program.`,
  });
}
