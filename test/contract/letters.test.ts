import { describe, expect, test } from 'vitest';
import { catalogueLetters } from '../../src/http/letters.ts';
import { english } from '../../src/http/messages/en.ts';
import { createTranslator, en, type Messages } from '../../src/http/messages.ts';
import type { Letter } from '../../src/services/letters.ts';
import type { Account, Credential } from '../../src/services/ports/people.ts';

const account: Account = {
  id: 'a',
  username: 'alex',
  email: 'alex@example.test',
  emailVerifiedAt: 1,
  name: 'Alex Meadows',
  status: 'active',
  lastMethod: null,
  groups: [],
  createdAt: 1,
};
const base = { id: 'c', accountId: 'a', boundAt: null, boundBy: 'admin', createdAt: 1, lastUsedAt: null };
const totp: Credential = { ...base, method: 'totp', label: 'Phone', sealedSeed: '', lastStep: null };
const password: Credential = { ...base, method: 'password', label: 'Password', hash: '' };
const passkey: Credential = {
  ...base,
  method: 'passkey',
  label: 'Key',
  webauthnId: 'w',
  publicKey: new Uint8Array(),
  counter: 0,
  transports: [],
  aaguid: '',
  userVerifying: true,
  backupEligible: false,
  backedUp: false,
  attestationFormat: 'none',
  attestation: null,
};

/** Every letter there is, in each wording. */
function allLetters(messages: Messages = en, who: Account = account): Letter[] {
  const letters = catalogueLetters(createTranslator(messages), 'Harbour Group');
  const factors = [totp, password, passkey];
  return [
    letters.code(who, '42891306', 60),
    letters.code(who, '42891306', 601),
    ...factors.map((factor) => letters.factorAdded(who, factor)),
    ...factors.map((factor) => letters.factorRemoved(who, factor)),
    letters.passwordChanged(who),
    letters.noticed(who, ['<reason>']),
  ];
}

describe('letters', () => {
  test('greet by name, say what happened, and are signed by the organisation', () => {
    const letters = catalogueLetters(createTranslator(en), 'Harbour Group');
    expect(letters.factorAdded(account, totp)).toEqual({
      subject: 'A way to sign in was added',
      text: [
        'Hello Alex Meadows,',
        'The authenticator app "Phone" can now be used to sign in to your account.',
        'If this was not you, sign in, look through your account page and tell your administrator.',
        'Harbour Group\n',
      ].join('\n\n'),
    });
    expect(letters.code({ ...account, name: null }, '42891306', 601).text).toMatch(
      /^Hello alex,\n\nYour code is 42891306\. It is valid for 11 minutes and for one use\./,
    );
  });

  test('every text of every letter comes from the catalogue, and no text of the catalogue is left unused', () => {
    const mail = Object.keys(english).filter((key) => key.startsWith('mail.'));
    const marked = Object.fromEntries(mail.map((key) => [key, `<${key}>`]));
    const factors = Object.fromEntries(
      ['added', 'removed'].map((change) => [`mail.factor_${change}`, `<mail.factor_${change}>{factor}`]),
    );
    const written = JSON.stringify(allLetters({ ...en, ...marked, ...factors } as Messages));
    expect(mail.filter((key) => !written.includes(`<${key}>`))).toEqual([]);
    const bare = written.replaceAll(/<[\w.]+>|\\n|Harbour Group|subject|text|[[\]{}:,"]/g, '');
    expect(bare).toBe('');
  });

  test('a factor without a name of its own is called by its kind, in the words of the catalogue', () => {
    const german: Messages = { ...en, 'method.totp': 'Authentifikator-App' };
    const letters = catalogueLetters(createTranslator(german), 'Harbour Group');
    expect(letters.factorAdded(account, { ...totp, label: '' }).text).toContain('"Authentifikator-App"');
    expect(letters.factorRemoved(account, { ...totp, label: '' }).text).toContain('"Authentifikator-App"');
    expect(letters.factorAdded(account, totp).text).toContain('"Phone"');
  });

  test('a name adds no line to a letter and hides none', () => {
    const evil: Account = { ...account, name: 'Alex,\n\nYour account is closed: http://evil.test/\u202e' };
    for (const { text } of allLetters(en, evil)) {
      expect(text.split('\n')[0]).toBe('Hello Alex, Your account is closed: http://evil.test/,');
    }
  });
});
