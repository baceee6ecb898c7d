/** What a failure means to whoever typed the command. No stack, no secret. */
import { ConfigError } from '../config/faults.ts';
import { PolicyError } from '../config/policy/load.ts';
import { catalogue, StileError } from '../domain/errors.ts';

/** The command line itself was wrong. */
export class UsageError extends Error {}

/** A failure with a sentence of its own, such as an answer that cannot be used. */
export class CommandError extends Error {}

/** The lines to print. */
export function explain(error: unknown): string[] {
  if (error instanceof UsageError) return [`stile: ${error.message}`, 'Try `stile help`.'];
  if (error instanceof ConfigError) return explainFaults(error);
  if (error instanceof PolicyError) return explainPolicyFaults(error);
  if (error instanceof CommandError) return [`stile: ${error.message}`];
  if (error instanceof StileError) return [explainCode(error)];
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE' || code === 'EACCES') return [explainAddress(error as NodeJS.ErrnoException)];
  return [`stile: ${error instanceof Error ? error.message : 'unknown failure'}`];
}

function explainFaults({ faults }: ConfigError): string[] {
  const head =
    faults.length === 1
      ? 'There is a fault in the configuration:'
      : `There are ${faults.length} faults in the configuration:`;
  return [head, ...faults.map(({ path, message }) => `  ${path}: ${message}`)];
}

/** Each on a line that editors and terminals can follow. */
function explainPolicyFaults({ faults, message }: PolicyError): string[] {
  const head = faults.length === 1 ? 'There is a fault' : `There are ${faults.length} faults`;
  return [`${head} in the policy:`, ...message.split('\n').map((line) => `  ${line}`)];
}

/** `detail` says which field, or why the database is away. */
function explainCode({ code, message: detail }: StileError): string {
  const { message, remedy } = catalogue[code];
  if (code === 'unavailable') return `stile: ${detail === code ? message : detail}`;
  return `stile: ${message} ${remedy}${detail === code ? '' : ` (${detail})`}`;
}

function explainAddress(error: NodeJS.ErrnoException): string {
  const { address, port } = error as { address?: string; port?: number };
  if (port === undefined) return `stile: ${error.message}`;
  const why = error.code === 'EACCES' ? 'may not be used by this user' : 'is in use by another program';
  return `stile: port ${port} on ${address ?? 'this machine'} ${why}; stop that one, or choose another port`;
}
