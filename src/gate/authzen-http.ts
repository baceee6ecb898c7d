/** AuthZEN over HTTP. */
import type { IncomingMessage } from 'node:http';
import {
  type Exchange,
  type GateDeps,
  judgeNow,
  peerOf,
  record,
  refuse,
  refuseNow,
  reply,
} from './answers.ts';
import { evaluate, evaluateAll } from './authzen.ts';
import type { ClientRequest } from './facts.ts';

/** Bytes. */
const MAX_BODY = 64 * 1024;

/** Answers an evaluation, or several, and records each. */
export async function authzen(deps: GateDeps, { request, response }: Exchange): Promise<void> {
  const id = request.headers['x-request-id'];
  if (typeof id === 'string') response.setHeader('x-request-id', id);
  const json = /^application\/json\b/i.test(request.headers['content-type'] ?? '');
  const malformed = (detail: string) =>
    refuseNow(
      deps,
      { request, response },
      refuse(400, 'malformed_request', { detail, body: { error: 'invalid_request' } }),
    );
  if (request.method !== 'POST' || !json) return malformed('not a POST of JSON');
  const body = await readBody(request);
  if (!body) return malformed('no JSON, or too long');
  const client = peerOf(request);
  const decide = async (asked: ClientRequest | undefined) => {
    const begun = deps.elapsed();
    const verdict = asked ? await judgeNow(deps, asked) : notHttp;
    record(deps, verdict, { request: asked ?? { client }, begun });
    return verdict;
  };
  const run = request.url === '/access/v1/evaluations' ? evaluateAll : evaluate;
  const result = await run(decide, body.value, client);
  if (!result) return malformed('not an evaluation');
  reply(response, 200, ['content-type', 'application/json'], JSON.stringify(result));
}

/** An evaluation of something else than an HTTP request is well-formed, and never allowed. */
const notHttp = refuse(403, 'not_http');

/** Undefined for what is too long or no JSON. Read to its end all the same: else the answer might not arrive. */
async function readBody(request: IncomingMessage): Promise<{ value: unknown } | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  if (size > MAX_BODY) return undefined;
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return undefined;
  }
}
