/** How stored values are found. */
import { hash } from 'node:crypto';

/** Key of a stored value: its SHA-256. */
export function hashOf(value: string): string {
  return hash('sha256', value, 'base64url');
}

/** Marks ids that name a row without being its secret: valid for writes, never accepted from a request. */
export const SURROGATE = '~';

/** The row a write is for: a surrogate names it, a grant's id is no secret, any other id is one to hash. */
export function keyOf(model: string, id: string): string {
  if (id.startsWith(SURROGATE)) return id.slice(1);
  return model === 'Grant' ? id : hashOf(id);
}
