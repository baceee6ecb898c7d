/** Certificates for tests: a certificate authority and what it issues, in DER written by hand. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface TestCa {
  /** PEM, for `trustedRoots`. */
  readonly pem: string;
  readonly der: Buffer;
  readonly name: string;
  readonly key: KeyObject;
}

export interface TestLeaf {
  readonly der: Buffer;
  readonly key: KeyObject;
}

/** A self-signed root, or with `issuer` an intermediate authority. */
export function createCa(name: string, issuer?: TestCa): TestCa {
  const { publicKey, privateKey } = keyPair();
  const subject = nameOf([[OID.commonName, name]]);
  const der = certificate({
    subject,
    issuer: issuer ? nameOf([[OID.commonName, issuer.name]]) : subject,
    publicKey,
    signer: issuer?.key ?? privateKey,
    extensions: [extension(OID.basicConstraints, sequence(boolean(true)), true), keyUsage(0x06)],
  });
  return { der, pem: pemOf(der), name, key: privateKey };
}

export interface LeafOptions {
  /** 16 bytes, repeated in the certificate as its extension id-fido-gen-ce-aaguid. */
  readonly aaguid: Buffer;
  readonly notAfter?: Date;
}

/** An attestation certificate as packed attestation demands it (WebAuthn 8.2.1). */
export function issueAttestation(ca: TestCa, { aaguid, notAfter }: LeafOptions): TestLeaf {
  const { publicKey, privateKey } = keyPair();
  const der = certificate({
    subject: nameOf([
      [OID.country, 'DE'],
      [OID.organisation, 'Test Keys'],
      [OID.organisationalUnit, 'Authenticator Attestation'],
      [OID.commonName, 'Test Key Batch'],
    ]),
    issuer: nameOf([[OID.commonName, ca.name]]),
    publicKey,
    signer: ca.key,
    extensions: [extension(OID.basicConstraints, sequence(), true), extension(OID.aaguid, tlv(0x04, aaguid))],
    ...(notAfter ? { notAfter } : {}),
  });
  return { der, key: privateKey };
}

const OID = {
  commonName: '2.5.4.3',
  country: '2.5.4.6',
  organisation: '2.5.4.10',
  organisationalUnit: '2.5.4.11',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  aaguid: '1.3.6.1.4.1.45724.1.1.4',
} as const;

interface Certificate {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly notAfter?: Date;
}

let serial = 1;

/** RFC 5280 section 4.1. */
function certificate(from: Certificate): Buffer {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  serial += 1;
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([serial])),
    algorithm,
    from.issuer,
    sequence(time(new Date('2020-01-01T00:00:00Z')), time(from.notAfter ?? new Date('2049-01-01T00:00:00Z'))),
    from.subject,
    from.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...from.extensions)),
  );
  const signature = sign(
    'sha256',
    toBeSigned,
    createPrivateKey(from.signer.export({ type: 'pkcs8', format: 'pem' })),
  );
  return sequence(toBeSigned, algorithm, bits(signature));
}

function keyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function nameOf(parts: readonly (readonly [string, string])[]): Buffer {
  return sequence(
    ...parts.map(([type, value]) => tlv(0x31, sequence(oid(type), tlv(0x13, Buffer.from(value, 'ascii'))))),
  );
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), tlv(0x04, value));
}

/** `flags` from the most significant bit: 0x06 is keyCertSign and cRLSign. */
function keyUsage(flags: number): Buffer {
  return extension(OID.keyUsage, tlv(0x03, Buffer.from([1, flags])), true);
}

function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0]));
}

function time(at: Date): Buffer {
  return tlv(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`, 'ascii'));
}

function bits(value: Buffer): Buffer {
  return tlv(0x03, Buffer.concat([Buffer.from([0]), value]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
