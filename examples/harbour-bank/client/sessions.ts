/** The client's own sessions, in memory behind an HttpOnly cookie. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { StepUp, StepUpFetch, Tokens } from '@stile/sdk/client';

/** What the ID token says of the authentication. */
export type Authentication = Pick<Tokens, 'acr' | 'amr' | 'authTime'>;

export type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'done'; readonly after: Authentication; readonly balance: number; readonly at: number }
  | { readonly kind: 'stopped'; readonly title: string; readonly text: string; readonly retry: boolean };

export interface PendingTransfer {
  readonly id: string;
  readonly to: string;
  readonly cents: number;
  /** The token's claims when the person pressed the button. */
  readonly before: Authentication;
  /** Challenges followed so far. */
  readonly challenges: readonly StepUp[];
  readonly outcome: Outcome;
}

export interface Session {
  readonly id: string;
  readonly csrf: string;
  /** Calls the API as this person; holds the tokens. */
  readonly fetch: StepUpFetch;
  /** The latest, for the pages. */
  tokens: Tokens | undefined;
  readonly transfers: Map<string, PendingTransfer>;
  usedAt: number;
}

export interface Sessions {
  find(id: string | undefined): Session | undefined;
  create(): Session;
  /** A new session with a new id takes the old one's place: at sign-in, so that a planted id is worth nothing. */
  replace(old: Session, tokens: Tokens): Session;
  end(session: Session): void;
}

const IDLE = 1800;
const MOST_SESSIONS = 10_000;

export function createSessions(now: () => number, open: () => StepUpFetch): Sessions {
  const sessions = new Map<string, Session>();
  const create = (fetch = open()): Session => {
    const oldest = sessions.keys().next().value;
    if (sessions.size >= MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
    const session = emptySession(now(), fetch);
    sessions.set(session.id, session);
    return session;
  };
  return {
    create: () => create(),
    find: (id = '') => {
      const session = sessions.get(id);
      if (!session) return undefined;
      // Re-inserted, so that the first key is the one unused for longest.
      sessions.delete(id);
      if (now() - session.usedAt > IDLE) return undefined;
      session.usedAt = now();
      sessions.set(id, session);
      return session;
    },
    replace: (old, tokens) => {
      sessions.delete(old.id);
      return Object.assign(create(old.fetch), { tokens });
    },
    end: ({ id }) => void sessions.delete(id),
  };
}

function emptySession(usedAt: number, fetch: StepUpFetch): Session {
  const secret = () => randomBytes(32).toString('base64url');
  return {
    id: secret(),
    csrf: secret(),
    fetch,
    tokens: undefined,
    transfers: new Map(),
    usedAt,
  };
}

const MOST_KEPT = 20;

/** Keeps the latest few. */
export function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MOST_KEPT && oldest !== undefined) map.delete(oldest);
}

export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
