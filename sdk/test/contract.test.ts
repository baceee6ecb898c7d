import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noPostgres } from '../../test/support/database.ts';
import { contract, rules } from './contract.mjs';
import * as sdk from './source.mjs';
import { startWorld, type World } from './world.ts';

describe.skipIf(noPostgres)('RFC 9470 4: the client half, under Node', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world?.stop());

  it.each(Object.keys(rules))('%s', async (rule) => {
    expect((await contract(sdk, world.places, rule)).faults).toEqual([]);
  });
});
