/** The README's snippets, as somebody would paste them: against the built package, by its name. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestIssuer } from '@stile/sdk/testing';
import type { Express } from 'express';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { listen } from './frameworks.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const readme = readFileSync(join(root, 'sdk/README.md'), 'utf8');
/** The client half has tests of its own. */
const server = readme.slice(0, readme.indexOf('## In the client'));
const snippets = [...server.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);

const express = `import express from 'express';
export const app = express();
app.use(express.json());`;
const known = 'declare const issuer: string, audience: string, clientSecret: string;';

/** What the text around a snippet takes for granted. */
function surrounded(code: string): string {
  if (code.includes('@stile/sdk/express')) return `${express}\n${code}`;
  if (code.includes('@stile/sdk/koa'))
    return `import Koa from 'koa';\nconst app = new Koa();\n${known}\n${code}`;
  if (code.includes('@stile/sdk/hono'))
    return `import { Hono } from 'hono';\nconst app = new Hono();\n${known}\n${code}`;
  if (code.includes('@stile/sdk/fastify'))
    return `import fastify from 'fastify';\nconst app = fastify();\n${known}\n${code}`;
  if (code.includes('@stile/sdk/server')) return `${known}\n${code}`;
  if (code.includes('@stile/sdk/testing'))
    return `import { protect } from '@stile/sdk/express';\n${express}\n${code}`;
  const pay = 'const pay = (_: express.Request, response: express.Response) => void response.end();';
  return `import { protect, requireStepUp } from '@stile/sdk/express';\n${express}\n${pay}\n${known}\n${code}\nvoid [protect, requireStepUp];`;
}

let folder: string;
beforeAll(() => {
  mkdirSync(join(root, 'dist'), { recursive: true });
  folder = mkdtempSync(join(root, 'dist/readme-'));
  snippets.forEach((code, index) => {
    writeFileSync(join(folder, `snippet-${index}.ts`), surrounded(code));
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllGlobals());

it('every snippet compiles', () => {
  expect(snippets.length).toBeGreaterThan(7);
  const settings = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] };
  const options = { noEmit: true, incremental: false, tsBuildInfoFile: null, rootDir: '../..' };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, compilerOptions: options }));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  expect(stdout + stderr).toBe('');
});

it('the first protects an Express app', async () => {
  const issuer = await createTestIssuer({
    issuer: 'https://id.example.com',
    audience: 'https://api.example.com',
  });
  const { app } = (await import(/* @vite-ignore */ join(folder, 'snippet-0.ts'))) as { app: Express };
  const api = await listen(app);
  const network = globalThis.fetch;
  // The example's issuer is not on the network; everything else is.
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    url.startsWith(issuer.issuer) ? issuer.fetch(url, init) : network(url, init),
  );
  const send = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(`${api.url}/transfers`, { method: 'POST', headers });
    return [response.status, response.headers.get('www-authenticate'), await response.json()];
  };
  try {
    expect(await send()).toEqual([401, 'Bearer', {}]);
    const base = { sub: 'ada', scope: 'transfers:write' };
    expect(await send(`Bearer ${await issuer.mint(base)}`)).toMatchObject([
      401,
      expect.stringContaining('acr_values="phr", max_age="300", scope="transfers:write"'),
      { error: 'insufficient_user_authentication' },
    ]);
    const strong = await issuer.mint({ ...base, acr: 'phr' });
    expect(await send(`Bearer ${strong}`)).toEqual([200, null, { paidBy: 'ada' }]);
  } finally {
    await api.stop();
  }
});
