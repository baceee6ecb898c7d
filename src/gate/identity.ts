/** Who calls, for the program behind the gateway. Every field is always sent, so that none of the client's own survives. */
import type { Caller } from '@stile/sdk/server';

/** Names and values in turn; a remembered token's caller has them made once. */
const made = new WeakMap<Caller, readonly string[]>();
const nobody = fieldsOf(undefined);

/**
 * Names and values in turn; empty where it is unknown. Beyond printable ASCII, for `%`, and for spaces where one could be lost or
 * separates, values are percent-encoded UTF-8.
 */
export function identityFields(caller: Caller | undefined): readonly string[] {
  if (!caller) return nobody;
  const known = made.get(caller);
  if (known) return known;
  const fields = fieldsOf(caller);
  made.set(caller, fields);
  return fields;
}

function fieldsOf(caller: Caller | undefined): readonly string[] {
  return Object.entries({
    'X-Stile-Sub': safe(caller?.sub),
    'X-Stile-Client': safe(caller?.clientId),
    'X-Stile-Scope': listOf(caller?.scope),
    'X-Stile-Acr': safe(caller?.acr),
    'X-Stile-Amr': listOf(caller?.amr),
    'X-Stile-Auth-Time': caller?.authTime === undefined ? '' : String(caller.authTime),
  }).flat();
}

/** A space at either end would not survive the way. */
function safe(text = ''): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]|^ +| +$/gu, escapeOne);
}

/** Joined by spaces, none of which is an item's own. */
function listOf(items: readonly string[] = []): string {
  return items.map((item) => item.replace(/[^\x21-\x24\x26-\x7e]/gu, escapeOne)).join(' ');
}

function escapeOne(characters: string): string {
  return [...new TextEncoder().encode(characters)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
