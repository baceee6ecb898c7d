/** Clients registered in the database, as oidc-provider reads them. Written by services/clients. */
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { AdapterDeps } from './oidc-adapter.ts';

export function createClientAdapter({ db }: Pick<AdapterDeps, 'db'>): Adapter {
  const refuse = async (): Promise<never> => {
    throw new Error('clients are not written through the protocol store');
  };
  return {
    find: async (id) => {
      const { rows } = await db.query<{ metadata: AdapterPayload; secret_hash: string | null }>(
        'SELECT "metadata","secret_hash" FROM "client" WHERE "id"=$1',
        [id],
        'client_find',
      );
      const row = rows[0];
      if (!row) return undefined;
      return {
        ...row.metadata,
        client_id: id,
        ...(row.secret_hash ? { client_secret: row.secret_hash } : {}),
      };
    },
    upsert: refuse,
    destroy: refuse,
    consume: refuse,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    revokeByGrantId: async () => undefined,
  };
}
