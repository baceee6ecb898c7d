/** Who calls, for the program behind the gateway. Every field is always sent, so that none of the client's own survives. */
import type { Caller } from '@stile/sdk/server';

export const identityFields = [
  'X-Stile-Sub',
  'X-Stile-Client',
  'X-Stile-Scope',
  'X-Stile-Acr',
  'X-Stile-Amr',
  'X-Stile-Auth-Time',
] as const;

/** Field → value; empty where it is unknown. Beyond printable ASCII, and for `%`, values are percent-encoded UTF-8. */
export function identityHeaders(caller: Caller | undefined): Record<(typeof identityFields)[number], string> {
  return {
    'X-Stile-Sub': safe(caller?.sub),
    'X-Stile-Client': safe(caller?.clientId),
    'X-Stile-Scope': safe(caller?.scope.join(' ')),
    'X-Stile-Acr': safe(caller?.acr),
    'X-Stile-Amr': safe(caller?.amr?.join(' ')),
    'X-Stile-Auth-Time': caller?.authTime === undefined ? '' : String(caller.authTime),
  };
}

function safe(text = ''): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/gu, escapeOne);
}

function escapeOne(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
