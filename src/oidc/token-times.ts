/** The times in tokens that leave the house: see docs/decisions/one-clock.md. */
import type { Clock } from '../services/ports/machine.ts';

interface Jwt {
  readonly payload: Record<string, unknown>;
}

/** RFC 9068 2.2: `iat` and `exp` by our clock, where the library has put the process's own. */
export function stampJwt(clock: Clock, { expiration }: { readonly expiration: number }, jwt: Jwt): void {
  const now = clock.now();
  Object.assign(jwt.payload, { iat: now, exp: now + expiration });
}
