/** The times in tokens that leave the house: see docs/decisions/one-clock.md. */
import type { Clock } from '../services/ports.ts';

interface Jwt {
  readonly payload: Record<string, unknown>;
}

/** RFC 9068 2.2: `iat` and `exp` by our clock, where the library has put the process's own; the lifetime stays. */
export function stampJwt(clock: Clock, { payload }: Jwt): void {
  const { iat, exp } = payload;
  if (typeof iat !== 'number' || typeof exp !== 'number') throw new Error('a JWT without its times');
  const now = clock.now();
  Object.assign(payload, { iat: now, exp: now + exp - iat });
}
