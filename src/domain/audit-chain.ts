/**
 * The hash chain over the audit. Each sealed event has a seal; a seal's hash covers the one before it, so that nothing
 * can be changed, taken out, put in or moved without every later hash changing. A signed checkpoint holds the end.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { type AuditSubject, type RetentionClass, retentionClassOf } from './events.ts';

/** An event as it is read back: of any type, with any data; whoever edits it need not keep to ours. */
export interface StoredEvent extends AuditSubject {
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly type: string;
  readonly outcome: string;
  readonly data: unknown;
  /** Decimal: the database transaction that wrote it. */
  readonly xid: string;
}

/** What a seal says beside its own hash; hashes are base64url. */
export interface SealFacts {
  /** From 1, without a gap. */
  readonly seq: number;
  readonly eventId: string;
  readonly eventHash: string;
  readonly class: RetentionClass;
  /** Of the event, epoch seconds: with the class it says when the event may be gone. */
  readonly at: number;
  readonly xid: string;
  /** Transactions are numbered anew when it grows: the database was restored from a dump. */
  readonly epoch: number;
  /** Epoch seconds. */
  readonly sealedAt: number;
}

export interface Seal extends SealFacts {
  readonly hash: string;
}

/** Where the chain ends; before its first seal `{ seq: 0, hash: '' }`. */
export type Head = Pick<Seal, 'seq' | 'hash'>;

export const emptyChain: Head = { seq: 0, hash: '' };

/** What a checkpoint states: the chain has `seq` seals, the last of them has this hash. */
export interface Checkpoint extends Head {
  readonly v: 1;
  /** Epoch seconds. */
  readonly time: number;
}

/** Over every column. */
export function eventHash(event: StoredEvent): string {
  const { id, at, type, outcome, accountId, clientId, sessionUid, correlationId, data, xid } = event;
  return sha256([
    'stile audit event 1',
    { id, at, type, outcome, accountId, clientId, sessionUid, correlationId, data, xid },
  ]);
}

/** Over everything the seal says and the hash before it. */
export function sealHash(previous: string, seal: SealFacts): string {
  const { seq, eventId, eventHash, class: kept, at, xid, epoch, sealedAt } = seal;
  return sha256([
    'stile audit seal 1',
    previous,
    { seq, eventId, eventHash, class: kept, at, xid, epoch, sealedAt },
  ]);
}

export interface Sealing {
  readonly head: Head;
  readonly epoch: number;
  /** Epoch seconds. */
  readonly now: number;
}

/** Appends events, which come in the order in which they became visible: by transaction, then by id. */
export function sealEvents({ head, epoch, now }: Sealing, events: readonly StoredEvent[]): Seal[] {
  let last = head;
  return events.map((event) => {
    const facts: SealFacts = {
      seq: last.seq + 1,
      eventId: event.id,
      eventHash: eventHash(event),
      class: retentionClassOf(event.type),
      at: event.at,
      xid: event.xid,
      epoch,
      sealedAt: now,
    };
    const seal = { ...facts, hash: sealHash(last.hash, facts) };
    last = seal;
    return seal;
  });
}

/** Whether one transaction became visible before another; both of one epoch. */
export function isBefore(xid: string, other: string): boolean {
  return BigInt(xid) < BigInt(other);
}

function sha256(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'base64url');
}
