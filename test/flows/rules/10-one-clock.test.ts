/** Rule 10 where the process's clock is not the database's. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../../../src/infra/log.ts';
import { claimsOf, createClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { newPerson, obtain } from '../../support/journey.ts';
import { API, startStile, type TestStile } from '../../support/stile.ts';

/** As the database has it, too. */
const rightTime = Date.now.bind(Date);

describe.skipIf(noPostgres)('one clock', () => {
  let stile: TestStile | undefined;
  let lines: string[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    await stile?.stop();
    stile = undefined;
  });

  /** The process's clock, so many seconds ahead of the database's; both go on. */
  function ahead(seconds: number): void {
    vi.spyOn(Date, 'now').mockImplementation(() => rightTime() + seconds * 1000);
  }

  async function start(seconds: number): Promise<TestStile> {
    ahead(seconds);
    lines = [];
    stile = await startStile({
      log: createLog({ level: 'error', to: { write: (line) => lines.push(line) } }),
    });
    return stile;
  }

  async function readiness({ issuer }: TestStile): Promise<[number, string | undefined]> {
    const answer = await fetch(`${issuer}/health/ready`);
    const { reason } = (await answer.json()) as { reason?: string };
    return [answer.status, reason];
  }

  it.each([
    { seconds: 30, way: 'ahead of' },
    { seconds: -30, way: 'behind' },
  ])(
    "rule 10: a process $seconds s off the database's clock says so and is not ready until it is right",
    async ({ seconds, way }) => {
      const server = await start(seconds);
      const reason = new RegExp(`^the clock of this process is (29|30|31) seconds ${way} the database's$`);
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        expect.objectContaining({ level: 'error', message: expect.stringMatching(reason) }),
      ]);
      expect(await readiness(server)).toEqual([503, expect.stringMatching(reason)]);
      ahead(0);
      expect(await readiness(server)).toEqual([200, undefined]);
      // Off again while it runs: found by the next measurement, and logged by the one that comes with the purge.
      ahead(seconds);
      expect(await readiness(server)).toEqual([503, expect.stringMatching(reason)]);
      await server.running.app.purge();
      expect(lines).toHaveLength(2);
    },
  );

  it.each([8, -8])(
    'rule 10: %s s off is served, and a JWT says the time that everybody goes by',
    async (seconds) => {
      const server = await start(seconds);
      expect(lines).toEqual([]);
      expect(await readiness(server)).toEqual([200, undefined]);
      const web = await createClient(server);
      const person = await newPerson(server);
      const parameters = { scope: 'openid read', resource: API };
      const before = server.core.clock.now();
      const { tokens } = await obtain(server, web, { person, parameters });
      const after = server.core.clock.now();
      const { iat, exp, auth_time } = claimsOf(tokens.access_token);
      expect(Number(iat)).toBeGreaterThanOrEqual(before);
      expect(Number(iat)).toBeLessThanOrEqual(after);
      expect(exp).toBe(Number(iat) + Number(tokens.expires_in));
      expect(auth_time).toBe(tokens.claims.auth_time);
      expect(Number(auth_time)).toBeLessThanOrEqual(Number(iat));
      expect((await web.refresh(String(tokens.refresh_token))).status).toBe(200);
    },
  );
});
