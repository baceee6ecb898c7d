import type { ClientStore, StoredClient } from '../../services/ports/clients.ts';
import type { Prisma } from '../prisma.ts';
import { viaPrisma } from '../prisma.ts';

export function createClientStore(prisma: Prisma): ClientStore {
  return {
    byId: async (id) => {
      const row = await viaPrisma(() => prisma.client.findUnique({ where: { id } }));
      return row ? toClient(row) : undefined;
    },
    put: (client, now) => put(prisma, client, now),
    remove: (id) => remove(prisma, id),
    list: async () => {
      const rows = await viaPrisma(() => prisma.client.findMany({ orderBy: { id: 'asc' } }));
      return rows.map(toClient);
    },
  };
}

type Row = Awaited<ReturnType<Prisma['client']['findMany']>>[number];

function toClient({ id, metadata, secretHash }: Row): StoredClient {
  return { id, metadata: metadata as StoredClient['metadata'], secretHash };
}

async function remove(prisma: Prisma, id: string): Promise<boolean> {
  const [{ count }] = await viaPrisma(() =>
    prisma.$transaction([
      prisma.client.deleteMany({ where: { id } }),
      prisma.assuranceRecord.deleteMany({ where: { clientId: id } }),
      prisma.artifact.deleteMany({ where: { clientId: id } }),
    ]),
  );
  return count > 0;
}

async function put(prisma: Prisma, client: StoredClient, now: number): Promise<void> {
  const content = {
    metadata: JSON.parse(JSON.stringify(client.metadata)),
    secretHash: client.secretHash,
    updatedAt: now,
  };
  await viaPrisma(() =>
    prisma.client.upsert({
      where: { id: client.id },
      create: { id: client.id, createdAt: now, ...content },
      update: content,
    }),
  );
}
