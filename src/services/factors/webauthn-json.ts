/** What browsers send back from a ceremony, checked for shape before the library sees it (WebAuthn 5.1.9). */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';

const base64url = z.string().regex(/^[\w-]*={0,2}$/);
const transport = z.string().max(32);

/** Fields that are not read are dropped. */
const credential = {
  id: base64url.min(1).max(1400),
  rawId: base64url.max(1400),
  type: z.literal('public-key'),
};
const none = z.unknown().transform(() => ({}));

const registration = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z.array(transport).max(16).optional(),
  }),
  clientExtensionResults: none,
});

const authentication = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.max(100).nullish(),
  }),
  clientExtensionResults: none,
});

/** A registration response; undefined when it is not one. */
export function parseRegistration(json: unknown): RegistrationResponseJSON | undefined {
  const parsed = registration.safeParse(json).data;
  if (!parsed) return undefined;
  const { transports, ...response } = parsed.response;
  return { ...parsed, response: { ...response, ...(transports ? { transports } : {}) } };
}

/** An authentication response; undefined when it is not one. */
export function parseAuthentication(json: unknown): AuthenticationResponseJSON | undefined {
  const parsed = authentication.safeParse(json).data;
  if (!parsed) return undefined;
  const { userHandle, ...response } = parsed.response;
  return { ...parsed, response: { ...response, ...(userHandle ? { userHandle } : {}) } };
}

/** Whether the browser says that the ceremony ran in a frame of another site. Ours never does. */
export function isCrossOrigin(clientDataJSON: string): boolean {
  try {
    const data: unknown = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'));
    return typeof data === 'object' && data !== null && 'crossOrigin' in data && data.crossOrigin === true;
  } catch {
    return true;
  }
}
