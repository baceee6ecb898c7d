/**
 * One process at a time in a folder: PGlite has no lock of its own, and a second process would lose what it writes.
 *
 * The lock is the file `lock.<n>` with the highest n. Whoever finds it stale makes the next one, by a hard link,
 * which succeeds for one process only; a lock file is never reused, and the highest is never removed. Holders on
 * the same machine are judged by process id and start time, others by their heartbeat in the file's time.
 */
import {
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { randomOctets } from './system.ts';

export interface LockHolder {
  readonly pid: number;
  /** The process's start, as the system counts it; null where it does not say. */
  readonly started: string | null;
  /** Where the process id means something: a boot of a machine and a process namespace. */
  readonly place: string;
  readonly host: string;
  /** What the process is doing, such as `stile start`. */
  readonly purpose: string;
}

/** The folder is another process's; `holder` says whose. */
export class FolderLockedError extends Error {
  readonly holder: LockHolder;

  constructor(directory: string, holder: LockHolder) {
    super(
      `the folder ${directory} is in use by \`${holder.purpose}\` (process ${holder.pid} on ${holder.host}); stop it first`,
    );
    this.name = 'FolderLockedError';
    this.holder = holder;
  }
}

/** Milliseconds. */
const heartbeat = 5000;
const silence = 30_000;

/**
 * Takes the folder, creating it if needed, and returns what gives it back. Error `FolderLockedError` when another
 * process, or this one, has it.
 */
export async function acquireFolder(directory: string, purpose: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = join(directory, `lock-draft.${randomOctets(12).toString('hex')}`);
  await writeFile(draft, JSON.stringify(await describeSelf(purpose)), { flag: 'wx', mode: 0o600 });
  try {
    const file = await take(directory, draft);
    return keep(file);
  } finally {
    await rm(draft, { force: true });
  }
}

async function take(directory: string, draft: string): Promise<string> {
  for (;;) {
    const highest = (await generations(directory)).at(-1) ?? 0;
    const holder = highest > 0 ? await holderOf(lockFile(directory, highest), draft) : undefined;
    if (holder) throw new FolderLockedError(directory, holder);
    const mine = lockFile(directory, highest + 1);
    if (!(await linked(draft, mine))) continue;
    const all = await generations(directory);
    if (all.at(-1) === highest + 1) {
      await removeOlder(directory, all.slice(0, -1));
      return mine;
    }
    // We came late: the number had been used and removed, and a later holder stands above it.
    await rm(mine, { force: true });
  }
}

function lockFile(directory: string, generation: number): string {
  return join(directory, `lock.${generation}`);
}

async function generations(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  const numbers = names.map((name) => Number(/^lock\.([1-9]\d{0,14})$/.exec(name)?.[1]));
  return numbers.filter((number) => number > 0).sort((a, b) => a - b);
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeOlder(directory: string, older: readonly number[]): Promise<void> {
  for (const generation of older) await rm(lockFile(directory, generation), { force: true });
}

/** The process that holds the lock; undefined when it was given back, its process is gone, or it fell silent. */
async function holderOf(file: string, draft: string): Promise<LockHolder | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // Removed since we looked, or given back.
  if (text === '') return undefined;
  const holder = JSON.parse(text) as LockHolder;
  if (holder.place === (await place())) return (await runs(holder)) ? holder : undefined;
  const [theirs, ours] = [await stat(file), await stat(draft)];
  return ours.mtimeMs - theirs.mtimeMs < silence ? holder : undefined;
}

async function runs({ pid, started }: LockHolder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ESRCH') return false;
  }
  return started === (await startOf(pid));
}

function keep(file: string): () => Promise<void> {
  const beat = setInterval(() => void touch(file), heartbeat);
  beat.unref();
  return async () => {
    clearInterval(beat);
    // Emptied in one step, and left standing: the next holder counts on from it.
    await writeFile(`${file}.end`, '');
    await rename(`${file}.end`, file);
  };
}

/** The file system's own time, by making a file of that time. */
async function touch(file: string): Promise<void> {
  const sample = `${file}.beat`;
  await writeFile(sample, '')
    .then(() => stat(sample))
    .then(({ mtime }) => utimes(file, mtime, mtime))
    .catch(() => {});
}

async function describeSelf(purpose: string): Promise<LockHolder> {
  const { pid } = process;
  return { pid, started: await startOf(pid), place: await place(), host: hostname(), purpose };
}

/** Start time from /proc, in ticks since boot: a reused process id has another. */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

async function place(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return boot === '' ? hostname() : `${boot.trim()} ${namespace}`;
}
