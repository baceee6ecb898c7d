/**
 * Static assets: read once at start, served from memory under `/assets/`. Only names that were there at start
 * are known, so no path leads anywhere else.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Context, Middleware } from 'koa';
import { StileError } from '../domain/errors.ts';

const PREFIX = '/assets/';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

interface Asset {
  readonly body: Buffer;
  readonly type: string;
  /** Of the content; 16 characters of SHA-256. */
  readonly hash: string;
}

export interface Assets {
  readonly files: ReadonlyMap<string, Asset>;
  /** The address of an asset, with its hash: it may be cached for good. Throws on an unknown name. */
  url(name: string): string;
}

/** Reads a folder of assets. Files of other types are left out. */
export async function loadAssets(directory: string): Promise<Assets> {
  const names = (await readdir(directory)).filter((name) => types[extname(name)] !== undefined);
  const entries = await Promise.all(names.map(async (name) => [name, await load(directory, name)] as const));
  const files = new Map(entries);
  return {
    files,
    url(name) {
      const asset = files.get(name);
      if (!asset) throw new Error(`no asset ${name}`);
      return `${PREFIX}${name}?v=${asset.hash}`;
    },
  };
}

async function load(directory: string, name: string): Promise<Asset> {
  const body = await readFile(join(directory, name));
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16);
  return { body, hash, type: types[extname(name)] ?? 'application/octet-stream' };
}

/** Serves `/assets/*`: for good under its own hash, otherwise with an ETag to ask again. */
export function serveAssets(assets: Assets): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith(PREFIX)) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('Allow', 'GET, HEAD');
      throw new StileError('method_not_allowed');
    }
    const asset = assets.files.get(ctx.path.slice(PREFIX.length));
    if (!asset) throw new StileError('not_found');
    send(ctx, asset);
  };
}

function send(ctx: Context, asset: Asset): void {
  const current = ctx.querystring === `v=${asset.hash}`;
  ctx.set('Cache-Control', current ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.set('ETag', `"${asset.hash}"`);
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.set('Content-Type', asset.type);
  ctx.body = asset.body;
}
