/** The bank as in the demo: its own client and API, known to a whole Stile. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type Bank, startBank } from '../../examples/harbour-bank/start.ts';
import { demoClient, demoConfig } from '../../src/config/demo.ts';
import { type StileOptions, startStile, type TestStile } from '../support/stile.ts';

export interface BankWithStile {
  readonly bank: Bank;
  readonly stile: TestStile;
  stop(): Promise<void>;
}

export async function startBankWithStile(options: StileOptions = {}): Promise<BankWithStile> {
  const [client, api] = await Promise.all([freePort(), freePort()]);
  const { clients = [], resources = [] } = demoConfig({ stile: 0, client, api });
  const stile = await startStile({ ...options, config: { clients, resources, ...options.config } });
  const { clientId, clientSecret } = demoClient;
  const bank = await startBank({
    issuer: stile.issuer,
    clientId,
    clientSecret,
    clientPort: client,
    apiPort: api,
  });
  return {
    bank,
    stile,
    stop: async () => {
      await bank.close();
      await stile.stop();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
