/** Health for orchestrators: live says the process answers, ready says that it may be sent people, or why not. */
import type { Route } from './routes.ts';

export interface HealthDeps {
  /** Asks the database; why this process may not serve, or undefined. Throws when the database is away. */
  readonly ready: () => Promise<string | undefined>;
  readonly draining: () => boolean;
}

export function healthRoutes(deps: HealthDeps): Route[] {
  return [
    [
      'GET',
      '/health/live',
      async (ctx) => {
        ctx.body = { status: 'ok' };
      },
    ],
    [
      'GET',
      '/health/ready',
      async (ctx) => {
        ctx.set('Cache-Control', 'no-store');
        const reason = await reasonAgainst(deps);
        ctx.status = reason === undefined ? 200 : 503;
        ctx.body = reason === undefined ? { status: 'ok' } : { status: 'unavailable', reason };
      },
    ],
  ];
}

async function reasonAgainst({ ready, draining }: HealthDeps): Promise<string | undefined> {
  if (draining()) return 'the process is stopping';
  try {
    return await ready();
  } catch {
    return 'the database does not answer';
  }
}
