/**
 * The audit as JSON Lines, for exports and sinks: a header, then seals with their events, checkpoints between them. What
 * `stile audit verify --file` needs is in it; docs/audit.md describes every member.
 */
import { z } from 'zod';
import type { Head } from '../domain/audit-chain.ts';
import type { SealedEntry } from '../domain/audit-verify.ts';
import type { RetentionClass } from '../domain/events.ts';

export interface ExportHeader {
  readonly issuer: string;
  /** Epoch seconds. */
  readonly exportedAt: number;
  /** What comes before the first seal. */
  readonly from: Head;
  readonly retention: Readonly<Record<RetentionClass, number>>;
  /** Only events of this account, or of these times, are in it; of others their seals. */
  readonly selected: boolean;
}

const hash = z.string().regex(/^[\w-]{43}$/);
const text = z.string().nullable();
const whole = z.number().int().min(0);
const xid = z.string().regex(/^\d{1,20}$/);

const seal = z.strictObject({
  seq: whole.min(1),
  eventId: z.string(),
  eventHash: hash,
  class: z.enum(['security', 'decision', 'change']),
  at: whole,
  xid,
  epoch: whole,
  sealedAt: whole,
  hash,
});

const event = z.strictObject({
  id: z.string(),
  at: z.number(),
  type: z.string(),
  outcome: z.string(),
  accountId: text,
  clientId: text,
  sessionUid: text,
  correlationId: text,
  data: z.unknown(),
  xid,
});

const days = z.number().min(0);
const line = z.union([
  z.strictObject({ seal, event: event.nullable(), omitted: z.boolean().exactOptional() }),
  z.strictObject({ checkpoint: z.strictObject({ seq: whole, jws: z.string().max(4096) }) }),
  z.strictObject({
    export: z.strictObject({
      issuer: z.string(),
      exportedAt: whole,
      from: z.strictObject({ seq: whole, hash: z.union([hash, z.literal('')]) }),
      retention: z.strictObject({ security: days, decision: days, change: days }),
      selected: z.boolean(),
    }),
  }),
]);

/** Undefined: the line is none of an export. */
export type AuditLine =
  | { readonly kind: 'export'; readonly header: ExportHeader }
  | { readonly kind: 'checkpoint'; readonly seq: number; readonly jws: string }
  | ({ readonly kind: 'entry' } & SealedEntry);

export function entryLine({ seal, event, omitted }: SealedEntry): string {
  return `${JSON.stringify({ seal, event, ...(omitted ? { omitted } : {}) })}\n`;
}

export function checkpointLine(checkpoint: { readonly seq: number; readonly jws: string }): string {
  const { seq, jws } = checkpoint;
  return `${JSON.stringify({ checkpoint: { seq, jws } })}\n`;
}

export function headerLine(header: ExportHeader): string {
  return `${JSON.stringify({ export: header })}\n`;
}

export function parseLine(text: string): AuditLine | undefined {
  const parsed = line.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { data } = parsed;
  if ('export' in data) return { kind: 'export', header: data.export };
  if ('checkpoint' in data) return { kind: 'checkpoint', ...data.checkpoint };
  return { kind: 'entry', ...data };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
