import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireFolder, FolderLockedError, type LockHolder } from '../../src/infra/folder-lock.ts';

describe('the folder of the embedded database', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stile-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const holder = async (): Promise<LockHolder> => {
    const release = await acquireFolder(folder, 'sample');
    const [name = ''] = await readdir(folder);
    const described = JSON.parse(await readFile(join(folder, name), 'utf8'));
    await release();
    await rm(join(folder, name));
    return described;
  };
  const pretend = (changes: Partial<LockHolder>, sample: LockHolder) =>
    writeFile(join(folder, 'lock.7'), JSON.stringify({ ...sample, ...changes }));

  test('has one holder; a second is refused and told who it is', async () => {
    const release = await acquireFolder(folder, 'stile start');
    const refused = await acquireFolder(folder, 'stile user add').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FolderLockedError);
    expect(refused).toMatchObject({ holder: { pid: process.pid, purpose: 'stile start' } });
    expect(String(refused)).toMatch(`in use by \`stile start\` (process ${process.pid}`);
    await release();
    await (await acquireFolder(folder, 'next'))();
  });

  test('has one holder, of thirty that come at the same time, also over a lock left behind', async () => {
    const sample = await holder();
    for (let round = 0; round < 5; round += 1) {
      const all = await Promise.allSettled(Array.from({ length: 30 }, () => acquireFolder(folder, 'crowd')));
      const won = all.filter((one) => one.status === 'fulfilled');
      expect(won).toHaveLength(1);
      await won[0]?.value();
      if (round === 2) await pretend({ started: 'long ago' }, sample);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('lock.'))).toHaveLength(1);
  });

  test('is free again when its holder was killed', async () => {
    const sample = await holder();
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    await pretend({ pid: gone.pid ?? 0 }, sample);
    await (await acquireFolder(folder, 'next'))();
  });

  test.runIf(process.platform === 'linux')(
    'is free again when the holder’s process id is another’s',
    async () => {
      await pretend({ started: '1' }, await holder());
      await (await acquireFolder(folder, 'next'))();
    },
  );

  test('stays another machine’s while that one gives signs of life, and no longer', async () => {
    await pretend({ place: 'elsewhere', host: 'other', purpose: 'stile start' }, await holder());
    await expect(acquireFolder(folder, 'next')).rejects.toThrow('on other');
    const past = new Date(Date.now() - 120_000);
    await utimes(join(folder, 'lock.7'), past, past);
    await (await acquireFolder(folder, 'next'))();
  });
});
