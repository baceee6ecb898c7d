/** Recorded decisions made up from a seed: people with habits, clients and factors, over days, in order of time. */
import type { StoredDecision } from '../src/domain/backtest/backtest.ts';
import type { RecordedDecision } from '../src/domain/decision.ts';
import { type CredentialFacts, type Method, type Proof, proofShape } from '../src/domain/proofs.ts';
import type { Clause } from '../src/domain/requirement.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly decisions: number;
  readonly people: number;
  /** Epoch seconds of the first, and days to the last. */
  readonly begin: number;
  readonly days: number;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Chance {
  next(): number;
  yes(part: number): boolean;
  below(most: number): number;
  one<T>(list: readonly [T, ...T[]]): T;
}

function chanceFrom(seed: number): Chance {
  const next = randomFrom(seed);
  const below = (most: number) => Math.floor(next() * most);
  return {
    next,
    below,
    yes: (part) => next() < part,
    one: (list) => list[below(list.length)] ?? list[0],
  };
}

const clients = ['web-bank', 'mobile-bank', 'wiki', 'payroll', 'admin-console', 'reports'] as const;
const countries = ['GB', 'GB', 'GB', 'DE', 'FR', 'US', 'NL'] as const;

/** What is the same about a person every time. */
function personOf(seed: number, index: number) {
  const chance = chanceFrom(seed * 7919 + index);
  const methods: Method[] = [
    'password',
    ...(chance.yes(0.55) ? (['totp'] as const) : []),
    ...(chance.yes(0.4) ? (['passkey'] as const) : []),
  ];
  const credentials = methods.map(
    (method): CredentialFacts => ({
      id: `c-${index}-${method}`,
      method,
      boundAt: 'urn:stile:acr:1fa',
      ...(method === 'passkey' ? { userVerifying: true, synced: chance.yes(0.7) } : {}),
    }),
  );
  const groups = [
    ...(chance.yes(0.3) ? ['staff'] : ['customers']),
    ...(chance.yes(0.05) ? ['treasury'] : []),
    ...(chance.yes(0.02) ? ['admins'] : []),
  ];
  return {
    credentials,
    groups,
    methods,
    country: chance.one(countries),
    ageDays: chance.below(1500),
    home: chance.below(200),
  };
}

/** One after another: at most one is in memory. */
export function* makeHistory(
  options: HistoryOptions,
): Generator<StoredDecision & { readonly decision: RecordedDecision }> {
  const chance = chanceFrom(options.seed);
  for (let index = 0; index < options.decisions; index += 1) yield makeDecision(options, chance, index);
}

function makeDecision(
  { seed, decisions, people, begin, days }: HistoryOptions,
  chance: Chance,
  index: number,
) {
  // Few do much.
  const who = Math.floor(people * chance.next() ** 2);
  const person = personOf(seed, who);
  const id = `person-${who}`;
  const now = begin + Math.floor((index * days * 86_400) / decisions);
  const refresh = chance.yes(0.3);
  const exists = refresh || chance.yes(0.75);
  const transaction = `tx-${index}`;
  const client = chance.one(clients);
  const transfer = !refresh && client.endsWith('bank') && chance.yes(0.25);
  const amount = transfer ? Math.round(10 ** (1 + 3.5 * chance.next())) : 0;
  const age = exists ? chance.below(8 * 3600) : 0;
  const proofs = proofsOf(person.credentials, { chance, index, now, age, exists, transaction });
  const away = chance.yes(0.03);
  const known = !chance.yes(0.04);
  const clauses = refresh ? [] : clausesOf(client, transfer);
  const date = new Date(now * 1000);
  const old: Clause[] =
    transfer && amount > 20_000
      ? [
          {
            source: 'policy',
            name: 'large-transfer',
            acr: ['urn:stile:acr:mfa'],
            reason: 'This is a large transfer.',
          },
        ]
      : [];
  const decision: RecordedDecision = {
    v: 1,
    facts: {
      request: {
        event: refresh ? 'refresh' : 'authorization',
        scopes: transfer ? ['openid', 'accounts:read', 'transfers:write'] : ['openid', 'accounts:read'],
        resources: client.endsWith('bank') ? ['https://api.example.com'] : [],
        details: transfer
          ? [{ type: 'transfer', amount, currency: 'EUR', actions: ['initiate'], locations: [] }]
          : [],
        amount,
        acrValues: [],
        maxAge: -1,
        silent: false,
        change: '',
      },
      client: { id: client, firstParty: client !== 'reports' },
      account: {
        id,
        username: id,
        groups: person.groups,
        ageDays: person.ageDays,
        factors: person.methods.toSorted(),
      },
      session: { exists, age: exists ? age : -1, authAge: exists ? age : -1, elevated: false },
      network: {
        address: `198.51.${away ? chance.below(255) : person.home}.0`,
        country: away ? chance.one(['US', 'BR', 'SG', 'KP']) : person.country,
        asn: 64_496 + (away ? 500 + chance.below(20) : person.home % 15),
        organisation: 'Example Networks',
        private: false,
        listed: chance.yes(0.002),
        anonymising: chance.yes(0.01),
      },
      device: {
        known: known && !chance.yes(0.06),
        remembered: chance.yes(0.3),
        browser: 'Firefox',
        os: 'Linux',
        kind: 'desktop',
      },
      time: {
        hour: date.getUTCHours(),
        weekday: date.getUTCDay() || 7,
        date: date.toISOString().slice(0, 10),
      },
      risk: {
        known: known && (!refresh || chance.yes(0.8)),
        score: Math.round(chance.next() ** 3 * 1000) / 1000,
        newDevice: chance.yes(0.06),
        newNetwork: away,
        newCountry: away && chance.yes(0.7),
        impossibleTravel: away && chance.yes(0.1),
        unusualHour: chance.yes(0.04),
        userAgentChanged: chance.yes(0.02),
        failuresOfAccount: chance.yes(0.03) ? chance.below(8) : 0,
        failuresOfAddress: 0,
        failuresOfNetwork: chance.yes(0.05) ? chance.below(20) : 0,
        listedNetwork: false,
        dormantDays: chance.yes(0.01) ? 120 : chance.below(10),
        sessionElsewhere: chance.yes(0.003),
        tokenElsewhere: refresh && chance.yes(0.004),
      },
    },
    evidence: [],
    clauses,
    proofs,
    credentials: person.credentials,
    transaction,
    lastAcr: exists && chance.yes(0.5) ? 'urn:stile:acr:1fa' : null,
    policy: {
      version: 'recorded0001',
      matched: old.map(() => ({ rule: 'large-transfer', mode: 'enforce', effect: 'require' })),
      clauses: old,
      deny: false,
    },
    outcome: 'satisfied',
    acr: 'urn:stile:acr:1fa',
    now,
  };
  return {
    id: `${now.toString(36).padStart(8, '0')}-${index.toString(36).padStart(6, '0')}`,
    at: now,
    type: refresh ? 'token' : 'authorization',
    accountId: id,
    clientId: client,
    sessionUid: `session-${who}-${Math.floor(now / 28_800)}`,
    decision,
  };
}

interface Making {
  readonly chance: Chance;
  readonly index: number;
  readonly now: number;
  readonly age: number;
  readonly exists: boolean;
  readonly transaction: string;
}

/** The sign-in's, and for some the second factor's, now or earlier. */
function proofsOf(credentials: readonly CredentialFacts[], making: Making): Proof[] {
  const { chance, index, now, age, exists, transaction } = making;
  const used = chance.yes(0.35) ? credentials.slice(0, 2) : credentials.slice(0, 1);
  return used.map(({ id, method, userVerifying }, place) => {
    const late = place > 0 && chance.yes(0.5);
    const own = !exists || late;
    return {
      ...proofShape(method, userVerifying === true),
      id: `p-${String(index).padStart(8, '0')}-${place}`,
      at: own ? now - place : now - age,
      credentialId: id,
      transaction: own ? transaction : `before-${index}`,
    };
  });
}

function clausesOf(client: string, transfer: boolean): Clause[] {
  return [
    ...(client === 'admin-console'
      ? [{ source: 'client' as const, acr: ['urn:stile:acr:mfa'], reason: 'reason.client' }]
      : []),
    ...(transfer
      ? [{ source: 'scope' as const, name: 'transfers:write', maxAge: 3600, reason: 'reason.scope' }]
      : []),
  ];
}

/** Twenty rules of the sorts that policies have: by scope, client, amount, group, network, time, session and risk. */
export const draftPolicy = `timeZone: Europe/London
rules:
  - { name: large-transfer, when: 'request.amount > 10000', require: { acr: ["urn:stile:acr:mfa"], maxAge: 300 }, reason: This is a large transfer. }
  - { name: very-large-transfer, when: 'request.details.exists(d, d.type == "transfer" && d.amount > 25000)', require: { acr: [phr] }, reason: This is a very large transfer. }
  - { name: small-transfer, when: '"transfers:write" in request.scopes && request.amount > 1000', require: { maxAge: 1800 }, reason: It is a while since you signed in., mode: observe }
  - { name: admins, when: 'client.id == "admin-console" && "admins" in account.groups', require: { acr: [phr] }, reason: Administration needs a passkey. }
  - { name: payroll-fresh, when: 'client.id == "payroll"', require: { maxAge: 3600 }, reason: Payroll wants a recent sign-in. }
  - { name: new-device, when: 'risk.newDevice && !device.remembered', require: { acr: ["urn:stile:acr:mfa"] }, reason: You have not used this browser before. }
  - { name: new-country, when: 'risk.newCountry', require: { acr: ["urn:stile:acr:mfa"] }, reason: You are in another country than usual. }
  - { name: impossible-travel, when: 'risk.impossibleTravel', require: { acr: ["urn:stile:acr:mfa"], maxAge: 60 }, reason: You were far away a moment ago. }
  - { name: embargo, when: 'network.country in ["KP", "IR"]', deny: true, reason: Not from this country. }
  - { name: anonymous-money, when: 'network.anonymising && request.amount > 0', deny: true, reason: Not through an anonymising network. }
  - { name: anonymous, when: 'network.anonymising', require: { acr: ["urn:stile:acr:mfa"] }, reason: Your network hides where you are. }
  - { name: listed-network, when: 'network.listed || risk.listedNetwork', deny: true, reason: Your network is on our list. }
  - { name: night, when: '(time.hour < 5 || time.hour >= 23) && "staff" in account.groups', require: { acr: ["urn:stile:acr:mfa"] }, reason: It is late. }
  - { name: weekend-treasury, when: 'time.weekday > 5 && "treasury" in account.groups', require: { acr: ["urn:stile:acr:mfa"], maxAge: 900 }, reason: It is the weekend. }
  - { name: guessed, when: 'risk.failuresOfAccount > 4', require: { acr: ["urn:stile:acr:mfa"] }, reason: Somebody has tried to guess your password. }
  - { name: unlike, when: 'risk.score >= 0.9', require: { acr: ["urn:stile:acr:mfa"] }, reason: This sign-in is unlike you. }
  - { name: dormant, when: 'risk.dormantDays > 90', require: { acr: ["urn:stile:acr:mfa"] }, reason: You have been away for long. }
  - { name: stolen-session, when: 'risk.sessionElsewhere && request.event == "authorization"', require: { maxAge: 0 }, reason: Your session is used from elsewhere. }
  - { name: stolen-token, when: 'risk.tokenElsewhere && request.event == "refresh"', deny: true, reason: This access is used from elsewhere. }
  - { name: old-session, when: 'session.age > 25200', require: { maxAge: 25200 }, reason: You signed in long ago., mode: observe }
`;
