/** What the audit keeps of a person's network: enough to judge a sign-in by, not enough to find a household. */
import type { RecordedDecision } from './decision.ts';
import { keptForm } from './decision-form.ts';
import type { AuditEvent } from './events.ts';

/**
 * The event as it is stored: a decision's address is cut to its network, and what is at rest in it left out. Everything
 * else holds no address.
 */
export function minimised(event: AuditEvent): AuditEvent {
  if (!('decision' in event.data) || event.data.decision === undefined) return event;
  return {
    ...event,
    data: { ...event.data, decision: keptForm(withoutHost(event.data.decision)) },
  } as AuditEvent;
}

function withoutHost(decision: RecordedDecision): RecordedDecision {
  const { network } = decision.facts;
  const address = networkOf(network.address);
  return { ...decision, facts: { ...decision.facts, network: { ...network, address } } };
}

/**
 * The first 24 bits of an IPv4 address, the first 48 of an IPv6 one (an operator's allotment to a site), the rest 0;
 * '' for what is neither.
 */
export function networkOf(address: string): string {
  const v4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address);
  if (v4) return `${v4[1]}.0`;
  if (!/^[\da-f:]+$/i.test(address) || !address.includes(':')) return '';
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...zeros, ...right];
  if (groups.length !== 8) return '';
  return `${groups
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::`;
}
