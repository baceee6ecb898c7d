/** Recorded decisions, a page at a time: from the audit, or from a file that the audit was exported to. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { StoredDecision } from '../domain/backtest/backtest.ts';
import type { StoredMatches } from '../domain/backtest/stats.ts';
import type { Database } from './db.ts';

export interface Span {
  /** Epoch seconds, included; absent: from the first. */
  readonly since?: number;
  /** Epoch seconds, not included; absent: to the last. */
  readonly until?: number;
}

/** So few that a page is forgotten before the collector would keep it. */
const PAGE = 250;

/** Event types that hold decisions. */
const types = ['authorization', 'token', 'decision'];

/**
 * A page of events, whatever they are, and of the decisions among them these columns. Were the others left out in the database, it would
 * take decisions for rare, and sort all that is left of the audit for each page.
 */
const pageSql = (page: number, columns: string) => `SELECT "id", "at", "type", ${columns},
    "type" = ANY ($4::text[]) AND "data" ? 'decision' AS "isDecision"
  FROM (
    SELECT * FROM "audit_event" WHERE ("at", "id") > ($1::bigint, $2::text) AND "at" < $3::bigint
    ORDER BY "at", "id" LIMIT ${page}
  ) page`;

const columns = {
  decisions: `"account_id" AS "accountId", "client_id" AS "clientId", "session_uid" AS "sessionUid",
    "data"->'decision' AS "decision"`,
  matches: `"data"->'decision'->'facts'->'time'->>'date' AS "date",
    "data"->'decision'->'facts'->'request'->>'event' AS "kind",
    "data"->'decision'->>'transaction' AS "transaction",
    COALESCE("data"->'decision'->'policy'->'matched', '[]') AS "matched"`,
} as const;

/** In order of time. */
export function readDecisions(
  db: Pick<Database, 'query'>,
  span: Span,
  page: number = PAGE,
): AsyncGenerator<readonly StoredDecision[]> {
  return readPages<StoredDecision>(db, span, { name: 'decisions', page });
}

/** Which rules matched, and no more of the decisions than that, in order of time. */
export function readMatches(
  db: Pick<Database, 'query'>,
  span: Span,
  page: number = PAGE,
): AsyncGenerator<readonly StoredMatches[]> {
  return readPages<StoredMatches>(db, span, { name: 'matches', page });
}

type PageRow<T> = T & Record<string, unknown> & { readonly isDecision: boolean };

/** The next page is read while one is looked at. */
async function* readPages<T extends { readonly id: string; readonly at: number }>(
  db: Pick<Database, 'query'>,
  { since = 0, until = Number.MAX_SAFE_INTEGER }: Span,
  { name, page }: { readonly name: keyof typeof columns; readonly page: number },
): AsyncGenerator<readonly T[]> {
  const read = async (at: number, id: string) => {
    const values = [at, id, until, types];
    const text = pageSql(page, columns[name]);
    return (await db.query<PageRow<T>>(text, values, `page_of_${page}_${name}`)).rows;
  };
  // No id is less than the empty text, so those of the first second are included.
  let next = read(since, '');
  for (;;) {
    const rows = await next;
    const last = rows.at(-1);
    if (!last) return;
    const ends = rows.length < page;
    if (!ends) {
      next = read(last.at, last.id);
      // Whoever stops here leaves it unanswered.
      next.catch(() => {});
    }
    yield rows.filter(({ isDecision }) => isDecision);
    if (ends) return;
  }
}

/** A file of JSON Lines as `stile audit export` and the file sink write it. Error: it cannot be read. */
export async function* readDecisionFile(
  path: string,
  { since = 0, until = Number.MAX_SAFE_INTEGER }: Span,
  page: number = PAGE,
): AsyncGenerator<readonly StoredDecision[]> {
  const input = createReadStream(path, 'utf8');
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let found: StoredDecision[] = [];
  // The line reader ends as if the file did where it cannot be read.
  const failed = new Promise<never>((_, reject) => input.once('error', reject));
  failed.catch(() => {});
  const each = lines[Symbol.asyncIterator]();
  for (;;) {
    const line = await Promise.race([each.next(), failed]);
    if (line.done) break;
    const decision = decisionIn(line.value);
    if (!decision || decision.at < since || decision.at >= until) continue;
    found.push(decision);
    if (found.length < page) continue;
    yield found;
    found = [];
  }
  if (found.length > 0) yield found;
}

/** Undefined: the line holds none, as seals of events left out, checkpoints and other events. */
function decisionIn(line: string): StoredDecision | undefined {
  if (line.trim() === '') return undefined;
  const data = parsed(line);
  if (!isObject(data)) return unreadable;
  const event = data['event'];
  if (!isObject(event))
    return 'seal' in data || 'checkpoint' in data || 'export' in data ? undefined : unreadable;
  const { id, at, type, accountId, clientId, sessionUid, data: its } = event;
  if (typeof id !== 'string' || typeof at !== 'number' || typeof type !== 'string') return unreadable;
  if (!types.includes(type) || !isObject(its) || !('decision' in its)) return undefined;
  return {
    id,
    at,
    type,
    accountId: textOr(accountId),
    clientId: textOr(clientId),
    sessionUid: textOr(sessionUid),
    decision: its['decision'],
  };
}

/** Counted, and nothing else; of a time that every span includes. */
const unreadable = {
  id: '',
  at: Number.NaN,
  type: '',
  accountId: null,
  clientId: null,
  sessionUid: null,
  decision: undefined,
} as const;

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function textOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
