/** Clients registered in the database: like those of the configuration, without a restart. */
import { hash } from 'node:crypto';
import type { ClientConfig } from '../config/schema.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import type { ClientStore } from './ports/clients.ts';

export type ClientDeps = Pick<Deps, 'clock' | 'random' | 'audit'> & { readonly clients: ClientStore };

export interface Registered {
  readonly clientId: string;
  /** Shown once; only its hash is kept. Absent: a public client. */
  readonly secret?: string;
}

/**
 * Registers a client, or replaces the one with this id. The client is checked already (config/parse `parseClient`).
 * A confidential one gets a new secret unless the hash of one was given.
 */
export async function registerClient(
  deps: ClientDeps,
  client: ClientConfig,
  { confidential }: { readonly confidential: boolean },
): Promise<Registered> {
  const { clientId, secretHash, ...metadata } = client;
  const secret = confidential && secretHash === undefined ? deps.random.token(32) : undefined;
  const hash = secretHash ?? (secret === undefined ? null : hashClientSecret(secret));
  await deps.clients.put({ id: clientId, metadata, secretHash: hash }, deps.clock.now());
  await record(deps, { type: 'client_registered', outcome: 'success', clientId });
  return { clientId, ...(secret === undefined ? {} : { secret }) };
}

/** Removes a registered client; false when there is none. Its codes, tokens and grants end with it. */
export async function removeClient(deps: ClientDeps, clientId: string): Promise<boolean> {
  const removed = await deps.clients.remove(clientId);
  if (removed) await record(deps, { type: 'client_removed', outcome: 'success', clientId });
  return removed;
}

export interface ListedClient {
  readonly clientId: string;
  readonly name: string | null;
  readonly public: boolean;
}

/** The clients of the database, by id. */
export async function listClients({
  clients,
}: Pick<ClientDeps, 'clients'>): Promise<readonly ListedClient[]> {
  const stored = await clients.list();
  return stored.map(({ id, metadata: { name }, secretHash }) => ({
    clientId: id,
    name: typeof name === 'string' ? name : null,
    public: secretHash === null,
  }));
}

/** SHA-256, base64url: enough for a generated secret of 256 bits, and cheap at every token request. */
export function hashClientSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
