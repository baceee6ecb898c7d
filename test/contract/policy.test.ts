import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requirePolicy } from '../../src/config/policy/load.ts';
import { defaultLevels } from '../../src/domain/ladder.ts';
import { type ChangeContext, mayChange } from '../../src/services/change-gate.ts';
import { removeCredential } from '../../src/services/credential-changes.ts';
import { askPolicy, keptOf, type PolicyAnswer, type Question } from '../../src/services/policy.ts';
import type { Account } from '../../src/services/ports/people.ts';
import type { Device } from '../../src/services/ports/policy.ts';
import { rememberSignIn, visitOf } from '../../src/services/risk.ts';
import { noPostgres } from '../support/database.ts';
import {
  changing,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  openTransaction,
  signIn,
} from '../support/factor-world.ts';
import { addTotp, currentCode, useTotp } from '../support/factors.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const asking = `
version: 1
rules:
  - { name: new, when: risk.newDevice, require: { acr: [phr] }, reason: New. }
`;
const quiet = `
version: 1
rules:
  - { name: group, when: '"a" in account.groups', require: { acr: [phr] }, reason: Group. }
`;

describe.skipIf(noPostgres)('asking the policy', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  const device = (changes: Partial<Device> = {}): Device => ({
    browserHash: 'browser',
    userAgent: firefox,
    address: '192.0.2.1',
    remembered: [],
    ...changes,
  });
  const under = (text: string, changes: Partial<FactorWorld['deps']> = {}) => ({
    ...world.deps,
    policy: { current: () => requirePolicy(text, { levels: defaultLevels, file: 'policy.yaml' }) },
    ...changes,
  });

  async function visited(account: Account, changes: Partial<Device> = {}): Promise<void> {
    const { browserHash, userAgent, address } = device(changes);
    const request = { sessionUid: null, address: address ?? '', headers: { userAgent }, browserHash };
    const { visit } = visitOf(world.deps.risk, request);
    await rememberSignIn(world.deps.risk, { accountId: account.id, sessionUid: null, visit, vouched: true });
  }

  const question = (account: Account, changes: Partial<Question> = {}): Question => ({
    asked: {
      event: 'authorization',
      scopes: [],
      resources: [],
      details: [],
      client: { id: 'bank', firstParty: true },
    },
    device: device(),
    facts: { account, credentials: [], proofs: [], sessionSince: null },
    sessionUid: null,
    ...changes,
  });

  /** Somebody whose past is in another browser, in a transaction of a sign-in. */
  async function newcomer() {
    const account = await createPerson(world);
    await visited(account, { browserHash: 'other' });
    const { transactionId: id } = await openTransaction(world);
    const kept = async () =>
      keptOf((await world.deps.transactions.byId(id, world.deps.clock.now())) ?? { state: {} });
    const ask = async (
      now: Awaited<ReturnType<typeof kept>>,
      changes: Partial<Device> = {},
    ): Promise<PolicyAnswer> =>
      askPolicy(
        under(asking),
        question(account, { transaction: { id, kept: now }, device: device(changes) }),
      );
    return { account, kept, ask };
  }

  test('risk is assessed once in a transaction: what was new when it began is new until it ends', async () => {
    const { account, kept, ask } = await newcomer();
    expect(await kept()).toBeUndefined();
    expect((await ask(await kept())).facts.risk.newDevice).toBe(true);
    await visited(account);
    expect((await ask(await kept())).facts).toMatchObject({
      risk: { newDevice: true },
      device: { known: false },
    });
    const outside = await askPolicy(under(asking), question(account));
    expect(outside.facts).toMatchObject({ risk: { newDevice: false }, device: { known: true } });
  });

  test('from another network or browser it is judged again, and what spoke in either speaks', async () => {
    const { account, kept, ask } = await newcomer();
    await visited(account, { address: '192.0.2.9' });
    const before = (await ask(await kept())).facts;
    expect([before.risk.newNetwork, before.device.known]).toEqual([false, true]);
    const moved = await ask(await kept(), { address: '198.51.100.1' });
    expect(moved.facts.risk).toMatchObject({ newNetwork: true, newDevice: false });
    expect(moved.evidence.map(({ signal }) => signal)).toContain('new_network');
    expect(await kept()).toMatchObject({ moved: true, risk: { newNetwork: true } });
    const other = await ask(await kept(), { address: '192.0.2.1', browserHash: 'strange' });
    expect(other.facts.risk).toMatchObject({ newNetwork: true, newDevice: true });
    const back = (await ask(await kept())).facts;
    expect(back.risk).toMatchObject({ newNetwork: true, newDevice: true });
    expect([back.device.known, back.risk.score]).toEqual([false, other.facts.risk.score]);
  });

  test('of two assessments at once in a transaction the first one stands', async () => {
    const { account, ask } = await newcomer();
    await ask(undefined);
    await visited(account);
    expect((await ask(undefined)).facts.risk.newDevice).toBe(true);
  });

  test('history is read at a sign-in, and elsewhere where a rule asks for it', async () => {
    const account = await createPerson(world);
    await visited(account);
    let reads = 0;
    const signIns: FactorWorld['deps']['signIns'] = {
      ...world.deps.signIns,
      load: (query) => {
        reads += 1;
        return world.deps.signIns.load(query);
      },
    };
    const risk = { ...world.deps.risk, signIns };
    const { transactionId: id } = await openTransaction(world);
    const readsOf = async (text: string, transaction?: Question['transaction']) => {
      reads = 0;
      const asked = question(account, transaction ? { transaction } : {});
      const { facts } = await askPolicy(under(text, { risk }), asked);
      return [reads, facts.risk.known];
    };
    expect(await readsOf(quiet)).toEqual([0, false]);
    expect(await readsOf(asking)).toEqual([1, true]);
    expect(await readsOf(quiet, { id, kept: undefined })).toEqual([1, true]);
  });

  test('a remembered device lifts what is said of the device, and nothing else', async () => {
    const account = await createPerson(world);
    for (let day = 0; day < 3; day += 1) await visited(account, { address: '198.51.100.1' });
    const windows = firefox.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64');
    const answer = async (remembered: boolean, changes: Partial<Device>) => {
      const deps = under(asking, { isRemembered: async () => remembered });
      return (await askPolicy(deps, question(account, { device: device(changes) }))).facts;
    };
    expect(await answer(false, { userAgent: windows })).toMatchObject({
      device: { remembered: false },
      risk: { userAgentChanged: true, newNetwork: true },
    });
    const lifted = await answer(true, { userAgent: windows });
    expect(lifted).toMatchObject({
      device: { remembered: true },
      risk: { userAgentChanged: false, newNetwork: true },
    });
    expect(lifted.risk.score).toBe((await answer(false, { userAgent: windows })).risk.score);
    expect((await answer(false, { browserHash: 'strange' })).risk.newDevice).toBe(true);
    expect((await answer(true, { browserHash: 'strange' })).risk.newDevice).toBe(false);
  });

  test('a program at a refresh is no browser: which cannot be new', async () => {
    const account = await createPerson(world);
    await visited(account);
    const asked = { ...question(account).asked, event: 'refresh' as const };
    const { facts, evidence } = await askPolicy(
      under(asking),
      question(account, { asked, device: device({ browserHash: null, userAgent: 'node' }) }),
    );
    expect(facts.risk).toMatchObject({ known: true, newDevice: false });
    expect(evidence.map(({ signal }) => signal)).not.toContain('new_device');
  });

  describe('about a change of factors', () => {
    const removal = (effect: string) => `
version: 1
rules:
  - name: removal
    when: request.event == "account_change" && request.change == "credential_removed"
    ${effect}
    reason: Removal.
`;
    /** A person who has just used a password and an app. */
    async function person() {
      const account = await createPerson(world);
      const app = await addTotp(world, account);
      const context = await signIn(world, account);
      expect(await useTotp(world, context, currentCode(world, app))).toBe('none');
      return { app, context };
    }

    test('a denial refuses it', async () => {
      const { app, context } = await person();
      const change = await changing(world, context);
      const denied = under(removal('deny: true'));
      expect(await codeOf(removeCredential(denied, change, app.id))).toBe('enrolment_not_allowed');
      expect(await codeOf(removeCredential(world.deps, change, app.id))).toBe('none');
    });

    test('what it wants is asked for beside rule 6, with its reason', async () => {
      const { app, context } = await person();
      const deps = under(removal('require: { maxAge: 120 }'));
      world.pass(121);
      const change = await changing(world, context);
      const elsewhere = { ...change, transaction: { ...change.transaction, id: 'another' } };
      expect(await mayChange(deps, elsewhere, 'credential_removed')).toMatchObject({
        kind: 'stepUp',
        missing: expect.arrayContaining([expect.objectContaining({ source: 'policy', reason: 'Removal.' })]),
      });
      expect(await codeOf(removeCredential(deps, elsewhere, app.id))).toBe('step_up_required');
      expect(await mayChange(world.deps, elsewhere, 'credential_removed')).toMatchObject({ kind: 'allowed' });
    });

    test('on the account page a new authentication counts for a minute', async () => {
      const { context } = await person();
      const deps = under(removal('require: { maxAge: 0 }'));
      const change = await changing(world, context);
      const onPage: ChangeContext = {
        ...change,
        transaction: { ...change.transaction, id: 'session:a' },
        staging: false,
      };
      world.pass(50);
      expect(await mayChange(deps, onPage, 'credential_removed')).toMatchObject({ kind: 'allowed' });
      expect(await mayChange(deps, { ...onPage, staging: true }, 'credential_removed')).toMatchObject({
        kind: 'stepUp',
      });
      world.pass(11);
      expect(await mayChange(deps, onPage, 'credential_removed')).toMatchObject({ kind: 'stepUp' });
    });
  });
});
