/** Health for orchestrators: live says the process answers, ready says the database does too. */
import type { Route } from './routes.ts';

export function healthRoutes(deps: {
  readonly ready: () => Promise<void>;
  readonly draining: () => boolean;
}): Route[] {
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
        const ready = !deps.draining() && (await succeeds(deps.ready));
        ctx.status = ready ? 200 : 503;
        ctx.body = { status: ready ? 'ok' : 'unavailable' };
      },
    ],
  ];
}

async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}
