import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres } from '../../test/support/database.ts';
import { adapterContract } from './adapter-contract.ts';
import { rules } from './contract.mjs';
import { findRuntime, type Runtime, runContract, startApi } from './runtimes.ts';
import { startWorld, type World } from './world.ts';

const runtimes = (['bun', 'deno', 'workerd'] as const).map((name): [Runtime, string | undefined] => [
  name,
  findRuntime(name),
]);

describe.skipIf(noPostgres)('the client half elsewhere', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world?.stop());

  for (const [name, binary] of runtimes) {
    it.skipIf(binary === undefined)(
      `keeps its contract under ${name}`,
      async () => {
        const said = await runContract(name, binary ?? '', world.places);
        expect(said).toEqual({ rules: Object.keys(rules).length, faults: [] });
      },
      120_000,
    );
  }
});

for (const [name, binary] of runtimes)
  for (const adapter of ['fetch', 'hono'])
    describe.skipIf(binary === undefined)(`the server half under ${name}, by ${adapter}`, () => {
      adapterContract((options) => startApi(name, binary ?? '', { adapter, options }));
    });
