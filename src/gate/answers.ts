/** What every exchange of the gate ends with: an answer, a line in the log and a count. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResourceServer, Soon } from '@stile/sdk/server';
import { accessLine } from './access-log.ts';
import { type GateReason, judge, type Verdict } from './decide.ts';
import type { Asked, ClientRequest } from './facts.ts';
import { identityFields } from './identity.ts';
import type { Metrics } from './records.ts';
import type { GateState } from './state.ts';

export interface GateDeps {
  readonly server: Pick<ResourceServer, 'authenticate' | 'authorize'>;
  readonly state: () => GateState;
  readonly metrics: Metrics;
  /** One access-log line. */
  readonly log: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a steady clock. */
  readonly elapsed: () => number;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export function peerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}

/** Which error, and where; not its message, which may hold what a client sent. */
export function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const stack = (error.stack ?? '').replace(error.message, '');
  const [, place = ''] = /\n\s+at (.+)/.exec(stack) ?? [];
  return `${error.name} ${place}`;
}

export function judgeNow({ server, state }: GateDeps, request: ClientRequest): Soon<Verdict> {
  return judge({ server, rules: state().index }, request);
}

/** Of a request that was not judged. */
export function refuse(status: Verdict['status'], reason: GateReason, more: Partial<Verdict> = {}): Verdict {
  return { status, reason, headers: {}, body: { error: 'access_denied' }, ...more };
}

/** Answers and records what was not judged. */
export function refuseNow(deps: GateDeps, { request, response }: Exchange, verdict: Verdict): void {
  const begun = deps.elapsed();
  const { method, url: target } = request;
  record(deps, verdict, {
    request: { client: peerOf(request), method, target: target?.slice(0, 1024) },
    begun,
  });
  answer(response, verdict);
}

export function record(
  { metrics, log, now, elapsed }: GateDeps,
  verdict: Verdict,
  { request, begun }: { request: Asked; begun: number },
): void {
  const entry = { verdict, request, took: elapsed() - begun, at: now() };
  metrics.count(entry);
  log(accessLine(entry));
}

/** Envoy lets pass on 200 only, so that is what an allowed request gets everywhere. */
export function answer(response: ServerResponse, { status, headers, body, caller }: Verdict): void {
  const nonce = headers['dpop-nonce'];
  if (status === 200) {
    const identity = identityFields(caller);
    reply(response, 200, nonce === undefined ? identity : ['dpop-nonce', nonce, ...identity], '');
  } else {
    const { 'cache-control': _ours, ...others } = headers;
    const fields = Object.entries(others).flat();
    reply(response, status, ['content-type', 'application/json', ...fields], JSON.stringify(body));
  }
}

/** @param fields Names and values in turn, each name once. */
export function reply(
  response: ServerResponse,
  status: number,
  fields: readonly string[],
  text: string,
): void {
  const length = text === '' ? '0' : String(Buffer.byteLength(text));
  response.writeHead(status, ['cache-control', 'no-store', ...fields, 'content-length', length]);
  response.end(text);
}
