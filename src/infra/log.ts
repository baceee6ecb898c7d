/** The structured log: JSON lines by pino, never a secret. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: standard output. */
  readonly to?: DestinationStream;
}

/** Fields that are never written, wherever they stand in what is logged. */
const secretFields = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'dpop',
  'password',
  'passphrase',
  'code_verifier',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'id_token_hint',
  'client_secret',
  'client_assertion',
  'secret',
  'seed',
  'otp',
  'userCode',
  'user_code',
  'csrf',
];

/** A `code` is also what errors have: hidden only where it is what somebody sent. */
const sentCodes = ['body', 'form', 'query', 'params'].flatMap((where) => [
  `${where}.code`,
  `*.${where}.code`,
]);

function pathsOf(field: string): string[] {
  const quoted = `["${field}"]`;
  return [quoted, `*${quoted}`, `*.*${quoted}`];
}

export function createLog({ level, to }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...secretFields.flatMap(pathsOf), ...sentCodes], censor: '[hidden]' },
  };
  return to ? pino(options, to) : pino(options);
}
