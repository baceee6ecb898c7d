/** Who calls, for the program behind the gateway. Every field is always sent, so that none of the client's own survives. */
import type { Caller } from '@stile/sdk/server';

/** Names and values in turn; a remembered token's caller has them made once. */
const made = new WeakMap<Caller, readonly string[]>();
const nobody = fieldsOf(undefined);

/** Names and values in turn; empty where it is unknown. Beyond printable ASCII, and for `%`, values are percent-encoded UTF-8. */
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
    'X-Stile-Scope': safe(caller?.scope.join(' ')),
    'X-Stile-Acr': safe(caller?.acr),
    'X-Stile-Amr': safe(caller?.amr?.join(' ')),
    'X-Stile-Auth-Time': caller?.authTime === undefined ? '' : String(caller.authTime),
  }).flat();
}

function safe(text = ''): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/gu, escapeOne);
}

function escapeOne(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
