/** What one client keeps in its storage: the tokens, and the requests that wait for an answer. */
import { StepUpError } from './errors.ts';
import { memoryStorage } from './storage.ts';
import type { ClientOptions, Pending, Tokens } from './types.ts';

/** They may hold bodies of kept calls: of more than these, the oldest are forgotten. */
const MOST_PENDING = 10;

export interface Store {
  /** The newest first; all of one person. */
  readonly read: () => Promise<readonly Tokens[]>;
  /** One change after the other; a change that gives `all` back writes nothing. */
  readonly change: (next: (all: readonly Tokens[]) => readonly Tokens[]) => Promise<void>;
  readonly await: (state: string, pending: Pending) => Promise<void>;
  /** Once. */
  readonly answered: (state: string) => Promise<Pending | undefined>;
  /** Forgets everything; what is written after it belongs to somebody who signed in after it. */
  readonly clear: () => Promise<void>;
  /** Changes with each `clear`. */
  readonly era: () => number;
}

/** Clients of other issuers, and other clients of this one, may have the same storage: their tokens are not these. */
export function createStore({ storage = memoryStorage(), issuer, clientId }: ClientOptions): Store {
  const identifier = typeof issuer === 'string' ? issuer : issuer.identifier;
  const owner = `${encodeURIComponent(identifier)}:${encodeURIComponent(clientId)}`;
  const [tokens, states] = [`tokens:${owner}`, `states:${owner}`];
  const pendingOf = (state: string) => `pending:${owner}:${state}`;
  let queue: Promise<unknown> = Promise.resolve();
  let era = 0;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  };
  const list = async <T>(key: string) => JSON.parse((await storage.get(key)) ?? '[]') as T[];
  const forget = async (gone: readonly string[]) => {
    for (const state of gone) await storage.take(pendingOf(state));
  };
  const dropPending = async () => {
    await forget(await list<string>(states));
    await storage.take(states);
  };
  /** What does not fit may fit without the calls that wait. */
  const set = async (key: string, value: string): Promise<void> => {
    try {
      await storage.set(key, value);
    } catch {
      await dropPending();
      try {
        await storage.set(key, value);
      } catch (cause) {
        throw new StepUpError('storage_failed', 'The storage does not take what has to be kept', { cause });
      }
    }
  };
  return {
    era: () => era,
    read: () => list<Tokens>(tokens),
    change: (next) =>
      inTurn(async () => {
        const all = await list<Tokens>(tokens);
        const changed = next(all);
        if (changed !== all) await set(tokens, JSON.stringify(changed));
      }),
    await: (state, pending) =>
      inTurn(async () => {
        await set(pendingOf(state), JSON.stringify(pending));
        const waiting = [...(await list<string>(states)), state];
        await forget(waiting.slice(0, -MOST_PENDING));
        await set(states, JSON.stringify(waiting.slice(-MOST_PENDING)));
      }),
    answered: (state) =>
      inTurn(async () => {
        const found = await storage.take(pendingOf(state));
        if (found === undefined) return undefined;
        const others = (await list<string>(states)).filter((each) => each !== state);
        await set(states, JSON.stringify(others));
        return JSON.parse(found) as Pending;
      }),
    clear: () => {
      era += 1;
      return inTurn(async () => {
        await storage.take(tokens);
        await dropPending();
      });
    },
  };
}
