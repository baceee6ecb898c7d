import { createVault } from '../../src/infra/vault.ts';

/** A vault with one key, the same in every process of a test. */
export const testVault = createVault([{ id: 'test', key: Buffer.alloc(32, 7) }]);
