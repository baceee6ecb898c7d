/** What a verification found, in words: also what it cannot have found. Pure. */
import type { TrailReport } from '../services/audit-trail.ts';

export interface ReportContext {
  /** A checkpoint kept elsewhere was compared. */
  readonly anchored: boolean;
  /** Epoch seconds. */
  readonly now: number;
}

export function reportLines(report: TrailReport, { anchored, now }: ReportContext): string[] {
  const { faults, findings, sealed, head } = report;
  const verdict =
    faults === 0
      ? `The chain holds: ${many(sealed, 'seal')} up to number ${head.seq}.`
      : `The chain does NOT hold: ${many(faults, 'fault')} in ${many(sealed, 'seal')} up to number ${head.seq}.`;
  const found = findings.map(
    ({ kind, seq, words }) => `  ${seq === 0 ? '' : `seal ${seq}: `}${words} (${kind})`,
  );
  const rest = faults - findings.length;
  return [
    verdict,
    ...found,
    ...(rest > 0 ? [`  and ${many(rest, 'fault')} more`] : []),
    ...notes(report),
    '',
    'What this cannot show:',
    ...limits(report, { anchored, now }),
  ];
}

function notes({ expired, omitted, backdated, restores, checkpoint, signed }: TrailReport): string[] {
  const signature = signed
    ? 'signed by this server'
    : 'its signature NOT checked: no keys were given (--keys)';
  return [
    ...(checkpoint ? [`Checkpoint ${checkpoint.seq} of ${isoTime(checkpoint.time)}, ${signature}.`] : []),
    ...(expired > 0 ? [`${many(expired, 'event')} expired by retention; the seals are there.`] : []),
    ...(omitted > 0 ? [`${many(omitted, 'event')} left out of this export; the seals are there.`] : []),
    ...(backdated > 0
      ? [
          `${many(backdated, 'event')} dated over five minutes before being sealed: late sealing, or backdated.`,
        ]
      : []),
    ...(restores > 0 ? [`The database was restored from a dump ${restores} times.`] : []),
  ];
}

function limits(
  { unsealed, checkpoint, anchorsBefore }: TrailReport,
  { anchored, now }: ReportContext,
): string[] {
  const tail =
    unsealed.oldest === null
      ? '- Events of the last second or so, before they are sealed: there are none just now.'
      : `- Unsealed events: ${unsealed.count} just now, the oldest ${Math.max(now - unsealed.oldest, 0)} s old.`;
  const cut = anchored
    ? '- Whether anything was cut off after the checkpoint kept elsewhere and before the newest checkpoint here.'
    : '- Whether the chain was cut short at an earlier checkpoint: keep checkpoints elsewhere and compare (--anchor).';
  const before = anchorsBefore > 0 ? ['- Anything against a checkpoint from before this export begins.'] : [];
  return [
    tail,
    cut,
    ...before,
    ...(checkpoint ? [] : ['- Anything: no checkpoint says that this chain is ours.']),
  ];
}

function many(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

function isoTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
