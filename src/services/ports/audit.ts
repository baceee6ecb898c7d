/** The audit: written, sealed and read. */
import type { Checkpoint, Head, StoredEvent } from '../../domain/audit-chain.ts';
import type { SealedBefore, SealedEntry } from '../../domain/audit-verify.ts';
import type { AuditEvent } from '../../domain/events.ts';

export interface AuditStore {
  /** Written in the transaction it describes. */
  append(event: AuditEvent): Promise<void>;
}

/** A checkpoint as it is stored, and the seal it follows. */
export interface StoredCheckpoint {
  readonly seq: number;
  readonly jws: string;
}

export type TrailItem =
  | ({ readonly kind: 'entry' } & SealedEntry)
  | ({ readonly kind: 'checkpoint' } & StoredCheckpoint);

/** Reading the sealed audit, a page at a time. */
export interface AuditTrail {
  /** Every seal after `after`, in order, with its event where it is still there; each checkpoint after its seal. */
  read(after: number): AsyncIterable<TrailItem>;
  /** Events without a seal, in no order. */
  unsealed(): AsyncIterable<Pick<StoredEvent, 'id' | 'at' | 'xid'>>;
  sealedBefore(): Promise<SealedBefore>;
  newest(): Promise<StoredCheckpoint | undefined>;
  /** The last seal before anything that was sealed at `time` or later; the empty chain when there is none. */
  before(time: number): Promise<Head>;
}

/** The audit's own keys. */
export interface CheckpointKeys {
  /** A compact JWS. */
  sign(checkpoint: Checkpoint): Promise<string>;
  /** Undefined: none of the keys made it, or it is no checkpoint. */
  verify(jws: string): Promise<Checkpoint | undefined>;
}
