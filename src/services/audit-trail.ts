/** Verifying and exporting the sealed audit, from the database or from a file. */
import { type Checkpoint, emptyChain } from '../domain/audit-chain.ts';
import { type ChainReport, type ChainVerifier, createChainVerifier } from '../domain/audit-verify.ts';
import type { RetentionClass } from '../domain/events.ts';
import { checkpointLine, type ExportHeader, entryLine, headerLine, parseLine } from './audit-lines.ts';
import type { AuditTrail, CheckpointKeys, StoredCheckpoint } from './ports/audit.ts';

export interface VerifyInput {
  /** Days, by class. */
  readonly retention: Readonly<Record<RetentionClass, number>>;
  /** Epoch seconds. */
  readonly now: number;
  /** Checkpoints kept elsewhere, compact JWS. */
  readonly anchors: readonly string[];
  /** Undefined: signatures cannot be checked. */
  readonly keys: Pick<CheckpointKeys, 'verify'> | undefined;
  /** Told now and then how many seals have been read. */
  readonly progress?: (count: number) => void;
}

export interface TrailReport extends ChainReport {
  /** Whether there were keys to check checkpoints with. */
  readonly signed: boolean;
}

/** The chain in the database, from its first seal to its last, and what the sealer has not come to. */
export async function verifyTrail(trail: AuditTrail, input: VerifyInput): Promise<TrailReport> {
  const sealedBefore = await trail.sealedBefore();
  const { retention, now } = input;
  const { anchors, forged } = await readAnchors(input);
  const verifier = createChainVerifier({ from: emptyChain, retention, now, anchors, sealedBefore });
  report(verifier, forged);
  const count = counter(input);
  for await (const item of trail.read(0)) {
    if (item.kind === 'checkpoint') await judgeCheckpoint(verifier, input, item);
    else {
      verifier.entry(item);
      count();
    }
  }
  for await (const event of trail.unsealed()) verifier.unsealed(event);
  return { ...verifier.finish(), signed: input.keys !== undefined };
}

/**
 * An export, or what a file sink has written, line by line. How long an event must be there is as its header says; `retention`
 * is for a file without one.
 */
export async function verifyLines(
  lines: AsyncIterable<string>,
  input: VerifyInput,
): Promise<TrailReport & { readonly header: ExportHeader | undefined }> {
  const { anchors, forged } = await readAnchors(input);
  const count = counter(input);
  let header: ExportHeader | undefined;
  let verifier: ChainVerifier | undefined;
  const begun = () => {
    const { from = emptyChain, retention = input.retention } = header ?? {};
    const now = header?.exportedAt ?? input.now;
    verifier ??= createChainVerifier({ from, retention, now, anchors });
    return verifier;
  };
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text === '') continue;
    const line = parseLine(text);
    if (line?.kind === 'export' && !verifier) header = line.header;
    else if (line?.kind === 'entry') {
      if (line.omitted && !header?.selected)
        begun().fault(
          'event_removed',
          line.seal.seq,
          'the export leaves it out and does not say that it may',
        );
      begun().entry(line);
      count();
    } else if (line?.kind === 'checkpoint') await judgeCheckpoint(begun(), input, line);
    else begun().fault('unreadable', 0, `line ${number} is none of an export`);
  }
  report(begun(), forged);
  return { ...begun().finish(), signed: input.keys !== undefined, header };
}

async function readAnchors({
  anchors,
  keys,
}: VerifyInput): Promise<{ anchors: Checkpoint[]; forged: number }> {
  const read = await Promise.all(anchors.map(async (jws) => (keys ? keys.verify(jws) : contentOf(jws))));
  const good = read.filter((anchor) => anchor !== undefined);
  return { anchors: good, forged: read.length - good.length };
}

function report(verifier: ChainVerifier, forged: number): void {
  for (let n = 0; n < forged; n += 1)
    verifier.fault('anchor_forged', 0, 'the checkpoint kept elsewhere was not signed by this server');
}

async function judgeCheckpoint(
  verifier: ChainVerifier,
  { keys }: VerifyInput,
  { seq, jws }: StoredCheckpoint,
): Promise<void> {
  const checkpoint = keys ? await keys.verify(jws) : contentOf(jws);
  if (!checkpoint || checkpoint.seq !== seq)
    verifier.fault('checkpoint_forged', seq, 'the checkpoint was not signed by this server');
  else verifier.checkpoint(checkpoint);
}

/** What a JWS says, without looking at its signature. */
function contentOf(jws: string): Checkpoint | undefined {
  return parseCheckpoint(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

/** The payload of a checkpoint; undefined where it is none. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const { v, seq, hash, time } = JSON.parse(text) as Record<string, unknown>;
    const sound =
      v === 1 && Number.isSafeInteger(seq) && typeof hash === 'string' && Number.isSafeInteger(time);
    return sound ? { v, seq: seq as number, hash, time: time as number } : undefined;
  } catch {
    return undefined;
  }
}

function counter({ progress }: VerifyInput): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count % 1000 === 0) progress?.(count);
  };
}

export interface Selection {
  /** Epoch seconds; events from then on, and before `until`. */
  readonly since?: number;
  readonly until?: number;
  readonly accountId?: string;
}

export interface ExportInput {
  readonly selection: Selection;
  readonly issuer: string;
  readonly now: number;
  readonly retention: Readonly<Record<RetentionClass, number>>;
}

type Selected = (event: { readonly at: number; readonly accountId: string | null }) => boolean;

/**
 * The lines of an export: every seal from the first that can belong to `since`, and the events that were asked for. Ends
 * with the newest checkpoint.
 */
export async function* exportLines(trail: AuditTrail, input: ExportInput): AsyncGenerator<string> {
  const { selection, issuer, now, retention } = input;
  const from = selection.since === undefined ? emptyChain : await trail.before(selection.since);
  const selected = Object.values(selection).some((each) => each !== undefined);
  yield headerLine({ issuer, exportedAt: now, from, retention, selected });
  const chosen = selector(selection);
  for await (const item of trail.read(from.seq)) {
    if (item.kind === 'checkpoint') yield checkpointLine(item);
    else if (item.event && !chosen(item.event)) yield entryLine({ ...item, event: null, omitted: true });
    else yield entryLine(item);
  }
}

/** The sealed events that were asked for. */
export async function* exportEvents(trail: AuditTrail, selection: Selection) {
  const from = selection.since === undefined ? emptyChain : await trail.before(selection.since);
  const chosen = selector(selection);
  for await (const item of trail.read(from.seq))
    if (item.kind === 'entry' && item.event && chosen(item.event)) yield { ...item, event: item.event };
}

function selector({ since, until, accountId }: Selection): Selected {
  return (event) =>
    (since === undefined || event.at >= since) &&
    (until === undefined || event.at < until) &&
    (accountId === undefined || event.accountId === accountId);
}
