import type { Hono } from 'hono';
import type * as forHono from '../src/server/hono.ts';
import type * as plain from '../src/server/index.ts';
import type { Demand } from '../src/shared/demand.ts';

export declare const PAY: Demand;
export declare function byAmount(body: unknown): Demand | undefined;
export declare function thumbprintIn(headers: Headers): string | undefined;

export declare function webApis(given: {
  readonly plain: Pick<typeof plain, 'protect'>;
  readonly forHono: Pick<typeof forHono, 'protect' | 'requireStepUp' | 'callerOf'>;
  readonly Hono: typeof Hono;
}): Readonly<
  Record<'fetch' | 'hono', (protection: plain.Protection) => (request: Request) => Promise<Response>>
>;
