/**
 * The statements of a hot path look rows up by a key, whatever their plans were made on: they are kept for as long as
 * their connection, and the tables grow.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { selectTokens } from '../../src/infra/oidc-reads.ts';
import { selectSessions } from '../../src/infra/oidc-session-read.ts';
import { authorizeSql, codeSql, useSql } from '../../src/infra/oidc-statements.ts';
import { authorizationsSql, usesSql } from '../../src/infra/oidc-together.ts';
import { createClient } from '../support/client.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';
import { addPerson, enrolTotp, redirectOf, signIn, silently } from '../support/people.ts';
import { OPAQUE_API, startStile } from '../support/stile.ts';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
}

const statements = {
  'one use': [useSql, 'text, text, bigint, text, jsonb, jsonb'],
  'uses together': [usesSql, 'text[], text[], text[], bigint, jsonb, jsonb'],
  'one authorization': [authorizeSql, 'jsonb, jsonb, jsonb, jsonb'],
  'authorizations together': [authorizationsSql, 'jsonb, jsonb, jsonb, jsonb'],
  'a code': [codeSql, 'jsonb, jsonb'],
  'tokens read': [selectTokens, 'json, bigint'],
  'sessions read': [selectSessions, 'json, bigint'],
} as const;

/** The columns by which a table is looked up: few rows have the same value, at most those of one person. */
const keys: Readonly<Record<string, RegExp>> = {
  artifact: /\(id = /,
  assurance_record: /\(id = /,
  session: /\((uid|id_hash|account_id) = /,
  account: /\(id = /,
  credential: /\((id|account_id) = /,
  proof: /\((id|session_uid|transaction_id|account_id) = /,
};

describe.skipIf(noPostgres)('the plan of a statement', () => {
  let fresh: OpenTestDatabase;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
  });
  afterAll(() => fresh.drop());

  /** On its own connection, as the server has it; made from nothing but the statement. */
  async function planOf(text: string, types: string): Promise<Plan> {
    return fresh.db.transaction(async () => {
      await fresh.db.query(`PREPARE planned ${types && `(${types})`} AS ${text}`);
      const nulls = [...new Set(text.match(/\$\d+/g))].map(() => 'NULL');
      const given = nulls.length > 0 ? `(${nulls.join(',')})` : '';
      const { rows } = await fresh.db.query(`EXPLAIN (FORMAT JSON) EXECUTE planned ${given}`);
      await fresh.db.query('DEALLOCATE planned');
      return rows[0]?.['QUERY PLAN'][0].Plan as Plan;
    });
  }

  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
  const unkeyed = (plan: Plan) =>
    nodesOf(plan).filter(
      (node) =>
        node['Node Type'].endsWith('Scan') &&
        node['Node Type'] !== 'Bitmap Heap Scan' &&
        keys[node['Relation Name'] ?? '']?.test(node['Index Cond'] ?? '') === false,
    );

  for (const [name, [text, types]] of Object.entries(statements)) {
    test(`made on empty tables finds rows by a key: ${name}`, async () => {
      const plan = await planOf(text, types);
      expect(nodesOf(plan).some((node) => node['Relation Name'] !== undefined)).toBe(true);
      expect(unkeyed(plan)).toEqual([]);
    });
  }

  test.each([
    ['"payload" = $1', 'jsonb'],
    [`"model" = 'Grant' AND $1 < "expires_at"`, 'bigint'],
  ])('one that reads a table from end to end would be found: %s', async (condition, type) => {
    expect(unkeyed(await planOf(`SELECT * FROM "artifact" WHERE ${condition}`, type))).toHaveLength(1);
  });

  test('nor does a journey send any that would not', async () => {
    const sent = await sentIn(async (stile, client) => {
      await addPerson(stile, 'ada');
      const { agent, tokens } = await signIn(client, 'ada', { resource: OPAQUE_API, scope: 'openid look' });
      await client.introspect(tokens.access_token);
      await client.refresh(String(tokens.refresh_token));
      await silently(agent, client);
      const request = await client.authorize({ acr_values: 'urn:stile:acr:mfa' });
      const { page } = await enrolTotp(stile, agent, await agent.open(request.url), 'ada');
      await client.exchange(request, redirectOf(page));
    });
    expect(sent.size).toBeGreaterThan(20);
    const found: Record<string, readonly Plan[]> = {};
    for (const [name, text] of sent) {
      const wanting = unkeyed(await planOf(text, ''));
      if (wanting.length > 0) found[name] = wanting;
    }
    expect(found).toEqual({});
  });
});

type Journey = (
  stile: Awaited<ReturnType<typeof startStile>>,
  client: Awaited<ReturnType<typeof createClient>>,
) => Promise<void>;

/** Every prepared statement of a journey, by its name. */
async function sentIn(journey: Journey): Promise<ReadonlyMap<string, string>> {
  const stile = await startStile();
  const query = vi.spyOn(pg.Client.prototype, 'query');
  try {
    await journey(stile, await createClient(stile));
    return new Map(
      query.mock.calls.flatMap(([config]) => {
        const { name, text } = (config ?? {}) as unknown as { name?: string; text?: string };
        return name && text ? [[name, text]] : [];
      }),
    );
  } finally {
    query.mockRestore();
    await stile.stop();
  }
}
