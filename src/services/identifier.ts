/** What people type to say who they are. */
import type { Vault } from './ports/machine.ts';

/** A username or address as it is stored and looked up. */
export function normaliseIdentifier(typed: string): string {
  return typed.normalize('NFKC').trim().toLowerCase();
}

/**
 * Whose attempts are counted together before an account is known: a keyed hash of what was typed. Names of nobody
 * are counted in the same way, and the two names of one account apart, so that a closed bucket tells nothing.
 */
export function identifierOwner(vault: Pick<Vault, 'mac'>, identifier: string): string {
  return vault.mac(normaliseIdentifier(identifier), 'identifier');
}
