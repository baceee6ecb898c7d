/** One API, written for each framework: what the contract suite calls over HTTP. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import * as forExpress from '../src/server/express.ts';
import * as forFastify from '../src/server/fastify.ts';
import * as forHono from '../src/server/hono.ts';
import type { ResourceServer } from '../src/server/index.ts';
import * as plain from '../src/server/index.ts';
import * as forKoa from '../src/server/koa.ts';
import { byAmount, PAY, webApis } from './web-apis.mjs';

const web = webApis({ plain, forHono, Hono });

const thumbprintOf = (headers: Readonly<Record<string, unknown>>): string | undefined =>
  typeof headers['x-thumbprint'] === 'string' ? headers['x-thumbprint'] : undefined;

export type Build = (server: ResourceServer) => Promise<RequestListener>;

export const frameworks: Readonly<Record<string, Build>> = {
  express: async (server) => {
    const { protect: guard, requireStepUp, callerOf } = forExpress;
    const app = express();
    app.use(express.json(), guard(server, { certificateThumbprint: ({ headers }) => thumbprintOf(headers) }));
    app.get('/', (req, res) => void res.json({ sub: callerOf(req).sub }));
    app.post('/pay', requireStepUp(PAY), (req, res) => void res.json({ sub: callerOf(req).sub }));
    app.post(
      '/amount',
      requireStepUp((req) => byAmount(req.body)),
      (req, res) => void res.json({ sub: callerOf(req).sub }),
    );
    return app;
  },
  koa: async (server) => {
    const { protect: guard, requireStepUp, callerOf } = forKoa;
    const app = new Koa();
    app.use(guard(server, { certificateThumbprint: ({ req }) => thumbprintOf(req.headers) }));
    const [pay, amount] = [
      requireStepUp(PAY),
      requireStepUp(async ({ req }: Koa.Context) => byAmount(JSON.parse(await read(req)))),
    ];
    app.use((context, next) => (context.path === '/pay' ? pay(context, next) : next()));
    app.use((context, next) => (context.path === '/amount' ? amount(context, next) : next()));
    app.use((context) => {
      context.body = { sub: callerOf(context).sub };
    });
    return app.callback();
  },
  fastify: async (server) => {
    const { protect: guard, requireStepUp, callerOf } = forFastify;
    const app = fastify();
    app.addHook(
      'onRequest',
      guard(server, { certificateThumbprint: ({ raw }) => thumbprintOf(raw.headers) }),
    );
    app.get('/', async (request) => ({ sub: callerOf(request).sub }));
    app.post('/pay', { preHandler: requireStepUp(PAY) }, async (request) => ({ sub: callerOf(request).sub }));
    app.post(
      '/amount',
      {
        preHandler: requireStepUp((request: forFastify.FastifyRequest & { body: unknown }) =>
          byAmount(request.body),
        ),
      },
      async (request) => ({ sub: callerOf(request).sub }),
    );
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: async (server) => getRequestListener(web.hono(server)),
  fetch: async (server) => getRequestListener(web.fetch(server)),
};

/** Listens on a free port. */
export async function listen(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { port, url: `http://127.0.0.1:${port}`, stop };
}

async function read(request: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}
