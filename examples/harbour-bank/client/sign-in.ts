/** The bank as a client of the identity provider: what it asks for, and where it calls. */
import { createStepUpFetch, openIssuer, type StepUpFetch } from '@stile/sdk/client';

export interface ClientSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Where this application is reached, without a trailing slash. */
  readonly baseUrl: string;
  /** Where the API is reached, without a trailing slash. */
  readonly apiUrl: string;
  /** The API's resource indicator (RFC 8707). */
  readonly resource: string;
  /** Epoch seconds. */
  readonly now: () => number;
  /** Told why an answer was not accepted; the person is not. */
  readonly log: (message: string) => void;
}

/** A fetch for each person; they share what is known of the issuer. */
export function createOpener({ baseUrl, apiUrl, ...settings }: ClientSettings): () => StepUpFetch {
  const issuer = openIssuer(settings.issuer);
  return () =>
    createStepUpFetch({
      ...settings,
      issuer,
      redirectUri: `${baseUrl}/callback`,
      apis: [apiUrl],
      scope: ['profile', 'accounts:read', 'transfers:write'],
      parameters: { claims: JSON.stringify({ id_token: { name: null, preferred_username: null } }) },
    });
}

/** Names and codes of an error and its cause: neither tokens nor codes are part of them. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const cause = error.cause instanceof Error ? `, caused by ${describe(error.cause)}` : '';
  return `${error.name}: ${error.message}${code}${cause}`;
}
