/** Judges a chain as it is read from its first seal to its last: in memory that does not grow with it. */
import {
  type Checkpoint,
  eventHash,
  type Head,
  isBefore,
  type Seal,
  type StoredEvent,
  sealHash,
} from './audit-chain.ts';
import type { RetentionClass } from './events.ts';

/** A seal and what was found of its event. `omitted`: an export left it out on purpose. */
export interface SealedEntry {
  readonly seal: Seal;
  readonly event: StoredEvent | null;
  readonly omitted?: boolean;
}

export type FindingKind =
  | 'event_changed'
  | 'event_removed'
  | 'event_inserted'
  | 'out_of_order'
  | 'seal_changed'
  | 'seal_missing'
  | 'truncated'
  | 'not_covered'
  | 'checkpoint_forged'
  | 'checkpoint_differs'
  | 'anchor_forged'
  | 'anchor_differs'
  | 'anchor_beyond'
  | 'unreadable';

export interface Finding {
  readonly kind: FindingKind;
  /** Place in the chain; 0: none. */
  readonly seq: number;
  readonly words: string;
}

export interface ChainReport {
  readonly sealed: number;
  /** Gone, and old enough to be. */
  readonly expired: number;
  /** Left out of the export on purpose. */
  readonly omitted: number;
  /** Dated over five minutes before they were sealed: the sealer was away, or they were written to look older. */
  readonly backdated: number;
  /** The sealer has not come to these yet: nothing can be said of them. */
  readonly unsealed: { readonly count: number; readonly oldest: number | null };
  /** Times the database was restored from a dump. */
  readonly restores: number;
  readonly head: Head;
  /** Checkpoints kept elsewhere that are from before the beginning of this export: they say nothing of it. */
  readonly anchorsBefore: number;
  /** Newest checkpoint whose signature is right. */
  readonly checkpoint: Checkpoint | null;
  readonly faults: number;
  /** The first of them. */
  readonly findings: readonly Finding[];
}

/** Every event of an earlier transaction of this epoch has been sealed. */
export interface SealedBefore {
  readonly xid: string;
  readonly epoch: number;
}

export interface VerifyOptions {
  /** What comes before the first seal to be read: an export may begin in the middle. */
  readonly from: Head;
  /** Days for which an event must be there. */
  readonly retention: Readonly<Record<RetentionClass, number>>;
  /** Epoch seconds. */
  readonly now: number;
  /** Checkpoints kept elsewhere, their signatures checked. */
  readonly anchors?: readonly Checkpoint[];
  /** How far the sealer says it has come. */
  readonly sealedBefore?: SealedBefore;
  /** Findings kept at most. */
  readonly most?: number;
}

export interface ChainVerifier {
  /** The next seal. One that was read before, as a sink may be sent it twice, is passed over when it is the same. */
  entry(entry: SealedEntry): void;
  /** A checkpoint whose signature is right; after the seal it names. */
  checkpoint(checkpoint: Checkpoint): void;
  /** An event without a seal; after all that have one. */
  unsealed(event: Pick<StoredEvent, 'id' | 'at' | 'xid'>): void;
  fault(kind: FindingKind, seq: number, words: string): void;
  finish(): ChainReport;
}

const DAY = 86_400;
const BACKDATED = 300;

/** Hashes kept of what was read last, for what may come twice and for checkpoints that come late. */
const REMEMBERED = 4096;

export function createChainVerifier(options: VerifyOptions): ChainVerifier {
  const { from, retention, now, anchors = [], sealedBefore, most = 100 } = options;
  const findings: Finding[] = [];
  const counts = { sealed: 0, expired: 0, omitted: 0, backdated: 0, restores: 0, unsealed: 0, faults: 0 };
  const recent = new Map<number, string>([[from.seq, from.hash]]);
  let head: Head = from;
  let last: Seal | undefined;
  let oldest: number | null = null;
  let newest: Checkpoint | null = null;

  const fault = (kind: FindingKind, seq: number, words: string) => {
    counts.faults += 1;
    if (findings.length < most) findings.push({ kind, seq, words });
  };

  const judgeSeal = (seal: Seal) => {
    const { seq } = seal;
    if (seq !== head.seq + 1) {
      const gone = seq - head.seq - 1;
      fault('seal_missing', seq, `${gone} seal${gone === 1 ? ' is' : 's are'} missing before it`);
    }
    if (sealHash(head.hash, seal) !== seal.hash)
      fault('seal_changed', seq, 'its seal does not follow from the one before it');
    if (last && seal.epoch < last.epoch) fault('out_of_order', seq, 'it is of an earlier epoch');
    if (last && seal.epoch === last.epoch && isBefore(seal.xid, last.xid))
      fault('out_of_order', seq, 'its transaction is older than the one sealed before it');
    if (last && seal.epoch > last.epoch) counts.restores += 1;
    if (seal.sealedAt - seal.at > BACKDATED) counts.backdated += 1;
  };

  const judgeEvent = ({ seal, event, omitted }: SealedEntry) => {
    if (event) {
      if (eventHash(event) !== seal.eventHash || event.id !== seal.eventId)
        fault('event_changed', seal.seq, `event ${seal.eventId} is not what was sealed`);
    } else if (omitted) counts.omitted += 1;
    else if (seal.at + retention[seal.class] * DAY <= now) counts.expired += 1;
    else fault('event_removed', seal.seq, `event ${seal.eventId} is gone, before its time`);
  };

  const judgeRepeated = ({ seal, event }: SealedEntry) => {
    const same =
      recent.get(seal.seq) === seal.hash && sealHash(recent.get(seal.seq - 1) ?? '?', seal) === seal.hash;
    if (!same || (event && eventHash(event) !== seal.eventHash))
      fault('out_of_order', seal.seq, `it comes after seal ${head.seq}`);
  };

  const judgeAnchors = (before: Head) => {
    for (const { seq, hash } of anchors) {
      if (seq > before.seq && seq <= head.seq && hash !== head.hash)
        fault('anchor_differs', seq, 'the chain is not the one of the checkpoint kept elsewhere');
    }
  };

  return {
    fault,
    entry: (entry) => {
      const { seal } = entry;
      if (seal.seq <= head.seq) return judgeRepeated(entry);
      counts.sealed += 1;
      judgeSeal(seal);
      judgeEvent(entry);
      const before = head;
      head = { seq: seal.seq, hash: seal.hash };
      last = seal;
      recent.set(seal.seq, seal.hash);
      recent.delete(seal.seq - REMEMBERED);
      judgeAnchors(before);
    },
    checkpoint: (checkpoint) => {
      const { seq, hash } = checkpoint;
      if (!newest || seq >= newest.seq) newest = checkpoint;
      const known = recent.get(seq);
      if (known !== undefined && known !== hash)
        fault('checkpoint_differs', seq, 'a signed checkpoint says that the chain was another here');
    },
    unsealed: ({ id, at, xid }) => {
      const { epoch = 0 } = sealedBefore ?? {};
      const passed = [last, sealedBefore].some((each) => each?.epoch === epoch && isBefore(xid, each.xid));
      if (passed) return fault('event_inserted', 0, `event ${id} was put in behind the sealer`);
      counts.unsealed += 1;
      oldest = Math.min(oldest ?? at, at);
    },
    finish: () => {
      const covered = newest?.seq ?? from.seq;
      if (covered > head.seq)
        fault('truncated', head.seq, `a signed checkpoint says that there were ${covered} seals`);
      if (covered < head.seq)
        fault('not_covered', covered + 1, `no signed checkpoint covers the seals from here to ${head.seq}`);
      for (const { seq } of anchors.filter((anchor) => anchor.seq > head.seq))
        fault('anchor_beyond', seq, 'the chain ends before the checkpoint kept elsewhere: it was cut short');
      const anchorsBefore = anchors.filter(({ seq }) => seq < from.seq).length;
      for (const { seq, hash } of anchors)
        if (seq === from.seq && hash !== from.hash)
          fault('anchor_differs', seq, 'the chain is not the one of the checkpoint kept elsewhere');
      const { unsealed, ...rest } = counts;
      return {
        ...rest,
        unsealed: { count: unsealed, oldest },
        head,
        anchorsBefore,
        checkpoint: newest,
        findings,
      };
    },
  };
}
