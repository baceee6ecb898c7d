/**
 * Clients registered in the database, as oidc-provider reads them. A row holds the client in the words of the
 * configuration; services/clients writes it, `oidc` says what the library makes of it.
 */
import type { Adapter } from 'oidc-provider';
import type { AdapterDeps } from './oidc-adapter.ts';

export function createClientAdapter({
  db,
  clientMetadata,
}: Pick<AdapterDeps, 'db' | 'clientMetadata'>): Adapter {
  const refuse = async (): Promise<never> => {
    throw new Error('clients are not written through the protocol store');
  };
  return {
    find: async (id) => {
      const { rows } = await db.query<{
        metadata: Readonly<Record<string, unknown>>;
        secret_hash: string | null;
      }>('SELECT "metadata","secret_hash" FROM "client" WHERE "id"=$1', [id], 'client_find');
      const [row] = rows;
      return row && clientMetadata({ id, metadata: row.metadata, secretHash: row.secret_hash });
    },
    upsert: refuse,
    destroy: refuse,
    consume: refuse,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    revokeByGrantId: async () => undefined,
  };
}
