/** Every page, in the states that look different. */
import { csrfForm } from '../../src/http/forms.ts';
import type { DeniedPage, EnrolTotpPage, StepUpPage, ViewModel } from '../../src/http/view-models.ts';

const NOW = 1_795_300_000;
const HOUR = 3600;
const DAY = 24 * HOUR;

const form = (path: string) => csrfForm(`/interaction/sample/${path}`, 'sample-token');
const own = (path: string) => csrfForm(`/account/${path}`, 'sample-token');

const client = { name: 'Harbour Bank', uri: 'https://bank.example.test/' };
const person = { username: 'alex', name: 'Alex Meadows' };
const cancel = form('cancel');
const passkey = {
  form: form('passkey'),
  options: { challenge: 'c2FtcGxlLWNoYWxsZW5nZQ', rpId: 'localhost', userVerification: 'preferred' },
};
const creation = {
  challenge: 'c2FtcGxlLWNoYWxsZW5nZQ',
  rp: { id: 'localhost', name: 'Harbour Group' },
  user: { id: 'c2FtcGxl', name: 'alex', displayName: 'Alex Meadows' },
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
};
const reasons = [
  { reason: 'reason.request' },
  { reason: 'reason.recent', maxAge: 300 },
  { reason: 'Transfers above 1,000 need your passkey.' },
];

const stepUp: StepUpPage = {
  page: 'step-up',
  remember: true,
  client,
  person,
  cancel,
  reasons,
  needs: [{ method: 'passkey', userVerified: true, hardwareProtected: false }],
  prompt: { method: 'passkey', ...passkey },
  others: [
    { method: 'totp', href: '?with=totp' },
    { method: 'password', href: '?with=password' },
  ],
};

const denied: DeniedPage = {
  page: 'denied',
  client,
  person,
  reasons: [{ reason: 'Payments are not made at night.' }],
  leave: cancel,
};

const enrolTotp: EnrolTotpPage = {
  page: 'enrol-totp',
  client,
  person,
  cancel,
  form: form('enrol/totp'),
  uri: 'otpauth://totp/Harbour%20Group:alex?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Harbour%20Group',
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  others: [{ method: 'passkey', href: '?enrol=passkey' }],
};

const need = (method: 'password' | 'totp' | 'passkey' | 'email') => ({
  method,
  userVerified: false,
  hardwareProtected: false,
});

export const samplePages = {
  'sign-in': { page: 'sign-in', client, cancel, form: form('identifier'), passkey },
  'sign-in-problem': {
    page: 'sign-in',
    client: null,
    form: form('identifier'),
    identifier: 'alex',
    reasons: [{ reason: 'reason.reauthenticate' }],
    problem: { code: 'passkey_failed' },
    passkey,
  },
  password: {
    page: 'password',
    client,
    cancel,
    identifier: 'alex@example.test',
    form: form('password'),
    change: form('change'),
    passkey,
  },
  'password-problem': {
    page: 'password',
    client,
    cancel,
    identifier: 'alex@example.test',
    form: form('password'),
    change: form('change'),
    problem: { code: 'wrong_credentials', field: 'password' },
  },
  'step-up-passkey': stepUp,
  denied,
  'step-up-totp': {
    ...stepUp,
    reasons: [{ reason: 'reason.request' }],
    needs: [need('totp')],
    prompt: { method: 'totp', form: form('totp') },
    others: [{ method: 'passkey', href: '?with=passkey' }],
  },
  'step-up-totp-problem': {
    ...stepUp,
    reasons: [],
    needs: [need('totp'), need('password')],
    prompt: { method: 'totp', form: form('totp') },
    others: [],
    problem: { code: 'wrong_code', field: 'code' },
  },
  'step-up-throttled': {
    ...stepUp,
    client: null,
    needs: [need('password'), need('totp'), need('passkey')],
    prompt: { method: 'password', form: form('password') },
    problem: { code: 'too_many_attempts', retryAfter: 840 },
  },
  'step-up-email': {
    ...stepUp,
    needs: [need('email')],
    prompt: { method: 'email', send: form('email/send'), address: 'a•••@example.test' },
    others: [],
  },
  'step-up-email-sent': {
    ...stepUp,
    needs: [{ method: 'passkey', userVerified: true, hardwareProtected: true }, need('email')],
    prompt: { method: 'email', send: form('email/send'), enter: form('email') },
    others: [],
  },
  'enrol-choose': {
    page: 'enrol-choose',
    client,
    person,
    cancel,
    reasons,
    ways: [
      { method: 'passkey', href: '?enrol=passkey' },
      { method: 'totp', href: '?enrol=totp' },
      { method: 'password', href: '?enrol=password' },
    ],
  },
  'enrol-email': {
    page: 'enrol-email',
    client,
    person,
    cancel,
    code: { send: form('enrol/email/send'), address: 'a•••@example.test' },
  },
  'enrol-email-sent': {
    page: 'enrol-email',
    client: null,
    person,
    back: '/account',
    code: { send: own('email/send'), enter: own('email'), address: 'a•••@example.test' },
    problem: { code: 'wrong_code', field: 'code' },
  },
  'enrol-admin-code': {
    page: 'enrol-admin-code',
    client,
    person,
    cancel,
    reasons,
    form: form('admin-code'),
    others: [{ method: 'passkey', href: '?enrol=passkey' }],
  },
  'enrol-admin-code-problem': {
    page: 'enrol-admin-code',
    client: null,
    person,
    cancel,
    form: form('admin-code'),
    problem: { code: 'wrong_code', field: 'code' },
  },
  'enrol-totp': enrolTotp,
  'enrol-totp-problem': {
    ...enrolTotp,
    client: null,
    label: 'My phone',
    problem: { code: 'invalid_label', field: 'label' },
  },
  'enrol-passkey': {
    page: 'enrol-passkey',
    client,
    person,
    cancel,
    reasons: [{ reason: 'reason.account' }],
    form: form('enrol/passkey'),
    options: creation,
  },
  'enrol-password': {
    page: 'enrol-password',
    client,
    person,
    cancel,
    reasons: [{ reason: 'reason.request' }],
    form: form('enrol/password'),
    minLength: 10,
    others: [{ method: 'passkey', href: '?enrol=passkey' }],
  },
  'enrol-password-problem': {
    page: 'enrol-password',
    client: null,
    person,
    cancel,
    form: form('enrol/password'),
    minLength: 10,
    problem: { code: 'passwords_differ', field: 'repeat' },
  },
  consent: {
    page: 'consent',
    client: { name: 'Tide Planner' },
    person,
    form: form('consent'),
    scopes: [
      { name: 'openid' },
      { name: 'profile' },
      { name: 'accounts:read', description: 'See your balances and past transfers' },
      { name: 'unlisted:scope' },
      { name: 'offline_access' },
    ],
    resources: ['Harbour Bank API'],
    details: [
      {
        type: 'payment_initiation',
        fields: [
          { name: 'amount', value: '1,250.00 EUR' },
          { name: 'creditor', value: 'Robin Meadows <with a long name> & family trust, account ending 4711' },
        ],
      },
    ],
  },
  account: {
    page: 'account',
    person: { ...person, email: 'alex@example.test' },
    notice: 'factor_added',
    factors: [
      {
        id: 'f1',
        method: 'password',
        label: 'Password',
        addedAt: NOW - 90 * DAY,
        lastUsedAt: NOW - HOUR,
        changeHref: '/account/password',
      },
      {
        id: 'f2',
        method: 'passkey',
        label: 'Pixel 9',
        addedAt: NOW - 30 * DAY,
        lastUsedAt: NOW - 2 * DAY,
        synced: true,
        rename: own('factors/f2/rename'),
        removeHref: '/account/factors/f2/remove',
      },
      {
        id: 'f3',
        method: 'passkey',
        label: 'Security key on my key ring',
        addedAt: NOW - 20 * DAY,
        lastUsedAt: null,
        hardware: true,
        rename: own('factors/f3/rename'),
        removeHref: '/account/factors/f3/remove',
      },
      {
        id: 'f4',
        method: 'totp',
        label: '',
        addedAt: NOW - 3 * DAY,
        lastUsedAt: NOW - DAY,
        rename: own('factors/f4/rename'),
        removeHref: '/account/factors/f4/remove',
      },
    ],
    add: [
      { method: 'passkey', href: '/account/add/passkey' },
      { method: 'totp', href: '/account/add/totp' },
    ],
    remembered: [
      {
        device: { browser: 'Firefox', system: 'Linux' },
        addedAt: NOW - 40 * DAY,
        lastUsedAt: NOW - 2 * HOUR,
        forget: own('devices/sample/forget'),
      },
    ],
    sessions: [
      {
        device: { browser: 'Chrome', system: 'Android' },
        address: '198.51.100.7',
        startedAt: NOW - 2 * HOUR,
        lastSeenAt: NOW,
        current: true,
      },
      {
        device: { browser: 'Firefox', system: 'Linux' },
        address: '2001:db8::7',
        startedAt: NOW - 5 * DAY,
        lastSeenAt: NOW - DAY,
        current: false,
        end: own('sessions/s2/end'),
      },
    ],
    endElevation: own('elevation/end'),
    signOut: own('sign-out'),
    signOutEverywhere: own('sign-out-everywhere'),
  },
  'account-bare': {
    page: 'account',
    person: { username: 'robin' },
    problem: { code: 'last_factor' },
    factors: [],
    add: [{ method: 'password', href: '/account/add/password' }],
    remembered: [
      {
        device: { browser: 'Firefox', system: 'Linux' },
        addedAt: NOW - 40 * DAY,
        lastUsedAt: NOW - 2 * HOUR,
        forget: own('devices/sample/forget'),
      },
    ],
    sessions: [
      {
        device: { browser: null, system: null },
        address: null,
        startedAt: NOW,
        lastSeenAt: NOW,
        current: true,
      },
    ],
    signOut: own('sign-out'),
    signOutEverywhere: own('sign-out-everywhere'),
  },
  'factor-remove': {
    page: 'factor-remove',
    person,
    factor: { method: 'totp', label: 'Old phone', addedAt: NOW - 90 * DAY, lastUsedAt: NOW - 30 * DAY },
    form: own('factors/f4/remove'),
    back: '/account',
  },
  'password-change': {
    page: 'password-change',
    person,
    minLength: 8,
    form: own('password'),
    back: '/account',
  },
  'password-change-problem': {
    page: 'password-change',
    person,
    minLength: 8,
    form: own('password'),
    back: '/account',
    problem: { code: 'password_too_weak', field: 'password' },
  },
  logout: {
    page: 'logout',
    client,
    person,
    form: { action: '/session/end/confirm', hidden: { xsrf: 'sample' } },
  },
  'logout-no-client': {
    page: 'logout',
    client: null,
    person: null,
    form: { action: '/session/end/confirm', hidden: { xsrf: 'sample' } },
  },
  'logout-unnamed': {
    page: 'logout',
    client: null,
    person,
    form: { action: '/session/end/confirm?stays=1', hidden: { xsrf: 'sample' } },
    notSentBack: true,
  },
  'signed-out-unnamed': { page: 'signed-out', client: null, notSentBack: true },
  'signed-out-stayed': { page: 'signed-out', client, stillSignedIn: true },
  'signed-out-stayed-unnamed': { page: 'signed-out', client: null, stillSignedIn: true, notSentBack: true },
  'signed-out': { page: 'signed-out', client, href: '/account' },
  error: {
    page: 'error',
    code: 'bad_request',
    correlationId: '01JC-4T7K-9Q2M',
    detail: "invalid_redirect_uri: redirect_uri did not match any of the client's registered redirect_uris",
  },
  'error-not-found': { page: 'error', code: 'not_found', correlationId: '01JC-4T7K-9Q2M' },
  'error-another-person': {
    page: 'error',
    code: 'another_person',
    correlationId: '01JC-4T7K-9Q2M',
    client,
    cancel: { action: '/interaction/sample/cancel', hidden: { _csrf: 'sample' } },
  },
  'error-unavailable': {
    page: 'error',
    code: 'unavailable',
    correlationId: '01JC-4T7K-9Q2M',
    retryAfter: 5,
  },
  outbox: {
    page: 'outbox',
    mails: [
      {
        to: 'alex@example.test',
        subject: 'Your code for Harbour Group',
        text: 'Your code is 428 913.\n\nIt works once, for ten minutes. If you did not ask for it, do nothing.',
        at: NOW,
      },
      {
        to: 'alex@example.test',
        subject: 'A passkey was added',
        text: 'A passkey named "Pixel 9" was added to your account.',
        at: NOW - HOUR,
      },
    ],
  },
  'outbox-empty': { page: 'outbox', mails: [] },
} satisfies Record<string, ViewModel>;
