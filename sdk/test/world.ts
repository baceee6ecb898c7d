/** A real Stile, a small real API, and people with browsers that a contract in any runtime can send somewhere. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Agent, createAgent, type Page } from '../../test/support/agent.ts';
import { addPerson, enrolTotp, passwordSignIn } from '../../test/support/people.ts';
import { API, CALLBACK, startStile, type TestStile } from '../../test/support/stile.ts';
import { createApi } from './api.ts';
import type { Places } from './contract.mjs';

export interface World {
  readonly places: Places;
  readonly stile: TestStile;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const stile = await startStile();
  const [api, driver] = await Promise.all([listen(createApi(stile.issuer)), listen(createDriver(stile))]);
  const places = {
    issuer: stile.issuer,
    api: `${api.url}/v1`,
    driver: driver.url,
    resource: API,
    redirectUri: CALLBACK,
  };
  const stop = async () => {
    await Promise.all([api.stop(), driver.stop()]);
    await stile.stop();
  };
  return { places, stile, stop };
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => Promise<void>;

async function listen(handler: Handler): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    void collect(request)
      .then((body) => handler(request, response, body))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Errand {
  readonly url: string;
  readonly person: string;
  readonly cancel?: boolean;
  readonly stranger?: boolean;
  readonly forge?: string;
}

/** Takes a person's browser to an address and answers with where it came back to. */
function createDriver(stile: TestStile): Handler {
  const agents = new Map<string, Agent>();
  return async (_, response, body) => {
    const { url, person, cancel, stranger, forge } = JSON.parse(body.toString()) as Errand;
    const username = stranger ? `${person}x` : person;
    const known = agents.get(username);
    const agent = known ?? createAgent();
    if (!known) await addPerson(stile, username);
    agents.set(username, agent);
    const target = new URL(url);
    if (stranger) target.searchParams.delete('id_token_hint');
    let page = await agent.open(target.href);
    if (cancel) page = await agent.submit(page, '/cancel');
    else page = await proceed(stile, agent, page, username);
    const back = new URL(page.location ?? `about:blank#${page.url}${page.body.slice(0, 500)}`);
    if (forge !== undefined) back.searchParams.set(forge, 'https://forged.example');
    response.end(back.href);
  };
}

async function proceed(stile: TestStile, agent: Agent, start: Page, username: string): Promise<Page> {
  let page = start;
  if (page.body.includes('/identifier"')) page = await passwordSignIn(agent, page, username);
  if (page.body.includes('enrol=totp')) page = (await enrolTotp(stile, agent, page, username)).page;
  return page;
}
