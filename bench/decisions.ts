/** A decision of the usual size, for what is written with events. */
import type { RecordedDecision } from '../src/domain/decision.ts';

const now = 1_800_000_000;

export const sampleDecision: RecordedDecision = {
  v: 1,
  facts: {
    request: {
      event: 'authorization',
      scopes: ['openid', 'accounts:read', 'transfers:write'],
      resources: ['https://api.example.com'],
      details: [{ type: 'transfer', amount: 250, currency: 'EUR', actions: ['initiate'], locations: [] }],
      amount: 250,
      acrValues: [],
      maxAge: -1,
      silent: false,
      change: '',
    },
    client: { id: 'bench', firstParty: true },
    account: {
      id: 'kPb3cUD6SWuV2QvGq1ZkPg',
      username: 'person0',
      groups: ['staff', 'treasury'],
      ageDays: 410,
      factors: ['password', 'totp', 'passkey'],
    },
    session: { exists: true, age: 1200, authAge: 1200, elevated: false },
    network: {
      address: '203.0.113.0',
      country: 'DE',
      asn: 64_500,
      organisation: 'Example Networks',
      private: false,
      listed: false,
      anonymising: false,
    },
    device: { known: true, remembered: false, browser: 'Firefox', os: 'Linux', kind: 'desktop' },
    time: { hour: 9, weekday: 3, date: '2027-01-13' },
    risk: {
      known: true,
      score: 0.12,
      newDevice: false,
      newNetwork: false,
      newCountry: false,
      impossibleTravel: false,
      unusualHour: false,
      userAgentChanged: false,
      failuresOfAccount: 0,
      failuresOfAddress: 0,
      failuresOfNetwork: 1,
      listedNetwork: false,
      dormantDays: 2,
      sessionElsewhere: false,
      tokenElsewhere: false,
    },
  },
  evidence: [],
  clauses: [
    {
      source: 'scope',
      name: 'transfers:write',
      acr: ['phr'],
      maxAge: 300,
      reason: 'A transfer needs your passkey.',
    },
  ],
  proofs: [
    {
      id: '019a0000-0000-7000-8000-000000000001',
      method: 'password',
      at: now,
      kinds: ['knowledge'],
      phishingResistant: false,
      userVerified: false,
      credentialId: '019a0000-0000-7000-8000-00000000000a',
      transaction: 'kPb3cUD6SWuV2QvGq1ZkPg',
    },
  ],
  credentials: [
    { id: '019a0000-0000-7000-8000-00000000000a', method: 'password', boundAt: null },
    {
      id: '019a0000-0000-7000-8000-00000000000b',
      method: 'passkey',
      boundAt: 'urn:stile:acr:mfa',
      userVerifying: true,
    },
  ],
  transaction: 'kPb3cUD6SWuV2QvGq1ZkPg',
  lastAcr: 'urn:stile:acr:1fa',
  policy: {
    version: 'b5bb9d8014a0f9b1',
    matched: [{ rule: 'large-transfer', mode: 'enforce', effect: 'require' }],
    clauses: [
      { source: 'policy', name: 'large-transfer', acr: ['phr'], maxAge: 300, reason: 'Large transfers.' },
    ],
    deny: false,
  },
  outcome: 'stepUp',
  acr: null,
  now,
};
