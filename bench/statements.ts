/** Times every statement this process sends, and lets the audit's rows be left out of them. */
import pg from 'pg';

/** `none`: without audit rows. `plain`: as they are. `decision`: with a whole decision in each authorization and token event. */
export type AuditMode = 'none' | 'plain' | 'decision';

interface Statement {
  readonly name?: string;
  readonly values?: readonly unknown[];
}

export interface Statements {
  mode: AuditMode;
  /** Milliseconds of all statements since it was set to 0, from sending to the answer. */
  milliseconds: number;
  count: number;
  /** Puts everything back. */
  restore(): void;
}

type Query = (...values: unknown[]) => unknown;
type Callback = (error: unknown, result: unknown) => void;

/** `decision` is what is put into events in that mode. */
export function watchStatements(decision: object): Statements {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const original = prototype.query;
  const statements: Statements = {
    mode: 'plain',
    milliseconds: 0,
    count: 0,
    restore: () => {
      prototype.query = original;
    },
  };
  prototype.query = function query(this: unknown, ...given: unknown[]) {
    const [first, ...rest] = given;
    const config = (typeof first === 'object' ? first : {}) as Statement;
    const callback = rest.findLast((each) => typeof each === 'function') as Callback | undefined;
    if (statements.mode === 'none' && config.name === 'audit_append' && !callback)
      return Promise.resolve({ rows: [], rowCount: 1, command: 'INSERT' });
    const begin = performance.now();
    const end = () => {
      statements.milliseconds += performance.now() - begin;
      statements.count += 1;
    };
    const sent = changed(config, statements.mode, decision) ?? first;
    if (!callback) return (original.apply(this, [sent, ...rest]) as Promise<unknown>).finally(end);
    const timed: Callback = (error, result) => {
      end();
      callback(error, result);
    };
    return original.apply(this, [sent, ...rest.map((each) => (each === callback ? timed : each))]);
  };
  return statements;
}

/** The audit is the last value of what the protocol writes at the end of a request. */
function changed(config: Statement, mode: AuditMode, decision: object): Statement | undefined {
  if (!config.name?.startsWith('protocol_') || mode === 'plain') return undefined;
  const events = config.values?.at(-1);
  if (typeof events !== 'string' || !events.includes('"outcome"')) return undefined;
  const rows =
    mode === 'none'
      ? []
      : (JSON.parse(events) as { data: object }[]).map((row) => withDecision(row, decision));
  return { ...config, values: [...(config.values ?? []).slice(0, -1), JSON.stringify(rows)] };
}

function withDecision(row: { readonly data: object }, decision: object): object {
  return { ...row, data: { ...row.data, decision } };
}
