/**
 * An authenticator in software, for tests: ES256, attestation none or packed (self, or by a certificate authority), any
 * flags and any counter. It signs whatever it is told to, also what no real one would.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { VirtualCredential } from './browser.ts';
import { issueAttestation, type TestCa } from './x509.ts';

export interface AuthenticatorOptions {
  /** UV: the authenticator verifies its user. Default true. */
  readonly userVerified?: boolean;
  /** BE: the key can be copied to other devices. Default false. */
  readonly backupEligible?: boolean;
  /** BS. Default false. */
  readonly backedUp?: boolean;
  /** The counter of the first use; 0: it has none. Default 0. */
  readonly counter?: number;
  readonly attestation?: 'none' | 'self' | Attester;
}

/** Packed attestation: the authority that issues the leaf, and what else the chain carries. */
export interface Attester {
  readonly ca: TestCa;
  readonly chain?: readonly TestCa[];
  readonly notAfter?: Date;
}

interface Key {
  readonly id: Buffer;
  readonly rpId: string;
  readonly userHandle: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id?: string };
  readonly user: { readonly id: string };
}

interface RequestOptions {
  readonly challenge: string;
  readonly rpId?: string;
  readonly allowCredentials?: readonly { readonly id: string }[];
}

/** What a test may have wrong on purpose. */
export interface Twist {
  readonly origin?: string;
  readonly challenge?: string;
  readonly type?: string;
  readonly crossOrigin?: boolean;
  readonly rpId?: string;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly backupEligible?: boolean;
  readonly backedUp?: boolean;
  readonly counter?: number;
  readonly userHandle?: string | null;
}

export interface SoftwareAuthenticator {
  /** `navigator.credentials.create` and its JSON. */
  register(options: CreationOptions, origin: string, twist?: Twist): RegistrationJson;
  /** `navigator.credentials.get` and its JSON, with the last registered key that is allowed. */
  authenticate(options: RequestOptions, origin: string, twist?: Twist): AuthenticationJson;
  /** Sets the counter of the next use, as a clone that lags behind would. */
  setCounter(counter: number): void;
  /** Its keys, in the form a browser's virtual authenticator takes them. */
  credentials(): VirtualCredential[];
}

export interface RegistrationJson {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly attestationObject: string;
    readonly transports: readonly string[];
  };
  readonly clientExtensionResults: Readonly<Record<string, never>>;
}

export interface AuthenticationJson {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle?: string;
  };
  readonly clientExtensionResults: Readonly<Record<string, never>>;
}

/** A new authenticator without keys. */
export function createAuthenticator(options: AuthenticatorOptions = {}): SoftwareAuthenticator {
  const keys: Key[] = [];
  let counter = options.counter ?? 0;
  const next = () => (counter === 0 ? 0 : counter++);
  return {
    register: (creation, origin, twist = {}) => {
      const key = newKey(creation);
      keys.push(key);
      return register({ key, options, origin, twist, challenge: creation.challenge, counter: next() });
    },
    authenticate: (request, origin, twist = {}) => {
      const key = chooseKey(keys, request);
      return authenticate({ key, options, origin, twist, challenge: request.challenge, counter: next() });
    },
    setCounter: (value) => {
      counter = value;
    },
    credentials: () => keys.map(virtualCredential),
  };
}

function virtualCredential({ id, rpId, userHandle, privateKey }: Key): VirtualCredential {
  return {
    credentialId: id.toString('base64'),
    isResidentCredential: true,
    rpId,
    userHandle: Buffer.from(userHandle, 'base64url').toString('base64'),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    signCount: 0,
  };
}

function newKey({ rp, user }: CreationOptions): Key {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...pair, id: randomBytes(32), rpId: rp.id ?? '', userHandle: user.id };
}

function chooseKey(keys: readonly Key[], { allowCredentials = [] }: RequestOptions): Key {
  const allowed = allowCredentials.map(({ id }) => id);
  const key = keys.findLast(({ id }) => allowed.length === 0 || allowed.includes(id.toString('base64url')));
  if (!key) throw new Error('the authenticator has no such key');
  return key;
}

interface Ceremony {
  readonly key: Key;
  readonly options: AuthenticatorOptions;
  readonly origin: string;
  readonly twist: Twist;
  readonly challenge: string;
  readonly counter: number;
}

const AAGUID = Buffer.from('7f3a1c2e9b4d4f60a1b2c3d4e5f60718', 'hex');

function register(ceremony: Ceremony): RegistrationJson {
  const { key, options } = ceremony;
  const clientData = clientDataOf(ceremony, 'webauthn.create');
  const length = Buffer.from([key.id.length >> 8, key.id.length & 0xff]);
  const attested = Buffer.concat([AAGUID, length, key.id, cbor(coseKey(key.publicKey))]);
  const authData = authenticatorData(ceremony, attested);
  const toSign = Buffer.concat([authData, sha256(clientData)]);
  const { fmt, attStmt } = attest(options.attestation ?? 'none', key, toSign);
  const object = new Map<string, Encodable>([
    ['fmt', fmt],
    ['attStmt', attStmt],
    ['authData', authData],
  ]);
  return {
    ...identity(key),
    response: {
      clientDataJSON: clientData.toString('base64url'),
      attestationObject: cbor(object).toString('base64url'),
      transports: ['usb', 'nfc'],
    },
  };
}

function authenticate(ceremony: Ceremony): AuthenticationJson {
  const { key, twist } = ceremony;
  const clientData = clientDataOf(ceremony, 'webauthn.get');
  const authData = authenticatorData(ceremony);
  const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), key.privateKey);
  const handle = twist.userHandle === undefined ? key.userHandle : twist.userHandle;
  return {
    ...identity(key),
    response: {
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
      ...(handle === null ? {} : { userHandle: handle }),
    },
  };
}

function identity({ id }: Key) {
  const text = id.toString('base64url');
  return { id: text, rawId: text, type: 'public-key' as const, clientExtensionResults: {} };
}

function clientDataOf({ twist, challenge, origin }: Ceremony, type: string): Buffer {
  const data = {
    type: twist.type ?? type,
    challenge: twist.challenge ?? challenge,
    origin: twist.origin ?? origin,
    crossOrigin: twist.crossOrigin ?? false,
  };
  return Buffer.from(JSON.stringify(data));
}

/** WebAuthn 6.1: hash of the RP id, flags, counter, and at registration the attested credential data. */
function authenticatorData({ key, options, twist, counter }: Ceremony, attested?: Buffer): Buffer {
  const flags =
    ((twist.userPresent ?? true) ? 0x01 : 0) |
    ((twist.userVerified ?? options.userVerified ?? true) ? 0x04 : 0) |
    ((twist.backupEligible ?? options.backupEligible) ? 0x08 : 0) |
    ((twist.backedUp ?? options.backedUp) ? 0x10 : 0) |
    (attested ? 0x40 : 0);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(twist.counter ?? counter);
  const parts = [sha256(Buffer.from(twist.rpId ?? key.rpId)), Buffer.from([flags]), count];
  return Buffer.concat(attested ? [...parts, attested] : parts);
}

/** WebAuthn 8.2 (packed) and 8.7 (none). */
function attest(attestation: 'none' | 'self' | Attester, key: Key, toSign: Buffer) {
  if (attestation === 'none') return { fmt: 'none', attStmt: new Map<string, Encodable>() };
  if (attestation === 'self')
    return { fmt: 'packed', attStmt: statement(sign('sha256', toSign, key.privateKey)) };
  const { ca, chain = [], notAfter } = attestation;
  const leaf = issueAttestation(ca, { aaguid: AAGUID, ...(notAfter ? { notAfter } : {}) });
  const x5c = [leaf.der, ...chain.map(({ der }) => der)];
  return { fmt: 'packed', attStmt: statement(sign('sha256', toSign, leaf.key)).set('x5c', x5c) };
}

function statement(signature: Buffer): Map<string, Encodable> {
  return new Map<string, Encodable>([
    ['alg', -7],
    ['sig', signature],
  ]);
}

/** RFC 9053: an EC2 key on P-256 for ES256. */
function coseKey(publicKey: KeyObject): Map<number, Encodable> {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return new Map<number, Encodable>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ]);
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

type Encodable = number | string | Buffer | readonly Encodable[] | Map<number | string, Encodable>;

/** CBOR (RFC 8949), as much of it as authenticators need. */
function cbor(value: Encodable): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string')
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Map) {
    return Buffer.concat([
      head(5, value.size),
      ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)]),
    ]);
  }
  return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
}

function head(major: number, size: number): Buffer {
  const type = major << 5;
  if (size < 24) return Buffer.from([type | size]);
  if (size < 0x100) return Buffer.from([type | 24, size]);
  return Buffer.from([type | 25, size >> 8, size & 0xff]);
}
