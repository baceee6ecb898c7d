import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { openEmbedded } from '../support/database.ts';
import { storesContract } from './stores.ts';

describe('stores on the embedded database', () => {
  storesContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stile-embedded-'));
    const db = await openEmbedded(folder);
    return {
      db,
      close: async () => {
        await db.close();
        await rm(folder, { recursive: true });
      },
    };
  });
});
