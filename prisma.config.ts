import { defineConfig } from 'prisma/config';

// `prisma migrate` takes the address from here; the server applies the same files itself when it starts.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/stile' },
});
