/** The Harbour Bank: its web application and its API, in one process. */
import { startApi } from './api.ts';
import { startClient } from './client.ts';

export interface BankOptions {
  /** The issuer identifier of the identity provider; it need not run yet. */
  readonly issuer: string;
  readonly clientId?: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  readonly host?: string;
  /** The web application; its redirect URI is `http://{host}:{clientPort}/callback`. 0: any free port. */
  readonly clientPort?: number;
  /** 0: any free port. */
  readonly apiPort?: number;
  /** The API's resource indicator. Default: `http://{host}:{apiPort}`. */
  readonly resource?: string;
  /** Told of faults that no page explains. */
  readonly log?: (message: string) => void;
}

export interface Bank {
  readonly urls: { readonly client: string; readonly api: string };
  close(): Promise<void>;
}

/** Resolves when both listen; rejects, with nothing left open, when a port is taken. */
export async function startBank(options: BankOptions): Promise<Bank> {
  const { clientId = 'harbour-bank-web', clientPort = 3001, apiPort = 3002, ...rest } = options;
  const api = await startApi({ ...rest, port: apiPort });
  try {
    const client = await startClient({ ...rest, clientId, apiUrl: api.url, port: clientPort });
    const close = async () => void (await Promise.all([client.close(), api.close()]));
    return { urls: { client: client.url, api: api.url }, close };
  } catch (error) {
    await api.close();
    throw error;
  }
}
