/**
 * The embedded database: PGlite behind a stream that speaks PostgreSQL's wire protocol, for one `pg` connection.
 */
import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

export interface EmbeddedDatabase {
  /** A stream to give to `pg`; one at a time. */
  readonly connect: () => Duplex;
  close(): Promise<void>;
}

/** Opens or creates the database in a folder; `memory://` keeps it in memory. */
export async function createPglite(directory: string): Promise<EmbeddedDatabase> {
  const { PGlite } = await importPglite();
  const pglite = await PGlite.create(directory);
  return {
    connect: () => stream(pglite),
    close: () => pglite.close(),
  };
}

async function importPglite() {
  try {
    return await import('@electric-sql/pglite');
  } catch (cause) {
    throw new Error('the embedded database is not installed: set DATABASE_URL, or run npm install', {
      cause,
    });
  }
}

/** Each write is one or more whole messages of the frontend; their answers are pushed as they come. */
function stream(pglite: PGlite): Duplex {
  const send = (messages: Uint8Array[], done: (error?: Error | null) => void) => {
    const kept = messages.filter((message) => !isTerminate(message));
    if (kept.length === 0) return done();
    const onRawData = (data: Uint8Array) => void duplex.push(Buffer.from(data));
    // Not at once: PGlite would answer within this write, while pg is still reading the answer before it.
    Promise.resolve()
      .then(() => pglite.execProtocolRawStream(Buffer.concat(kept), { onRawData }))
      .then(() => done(), done);
  };
  const duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => send([chunk], done),
    writev: (chunks, done) =>
      send(
        chunks.map(({ chunk }) => chunk as Buffer),
        done,
      ),
    final: (done) => {
      duplex.push(null);
      done();
    },
  });
  return Object.assign(duplex, socketMethods(duplex, pglite));
}

/** What `pg` calls on a socket. */
function socketMethods(duplex: Duplex, pglite: PGlite) {
  const self = () => duplex;
  return {
    connect: () => {
      renew(pglite).then(
        () => duplex.emit('connect'),
        (error: Error) => duplex.destroy(error),
      );
      return duplex;
    },
    setNoDelay: self,
    setKeepAlive: self,
    ref: self,
    unref: self,
  };
}

/** There is one backend for ever: a new connection must not find the last one's transaction or statements. */
async function renew(pglite: PGlite): Promise<void> {
  await pglite.exec('ROLLBACK');
  await pglite.exec('DISCARD ALL');
}

/** `X`: the end of a connection; the database itself stays open. */
function isTerminate(chunk: Uint8Array): boolean {
  return chunk.length === 5 && chunk[0] === 0x58;
}
