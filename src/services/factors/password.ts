/** Passwords (argon2id). */
import type { ErrorCode } from '../../domain/errors.ts';
import type { Factor, Verified } from '../attempt.ts';
import type { Deps } from '../deps.ts';
import { normaliseIdentifier } from '../identifier.ts';
import type { PasswordCredential } from '../ports/people.ts';
import { MAX_PASSWORD, normalisePassword } from './password-strength.ts';

export type PasswordDeps = Pick<Deps, 'accounts' | 'credentials' | 'hasher'>;

export interface PasswordAttempt {
  /** The account the transaction belongs to; null: the identifier says whose password it is. */
  readonly accountId: string | null;
  readonly identifier: string | null;
  readonly password: string;
}

/**
 * A password as a factor. Names of nobody and accounts without a password cost the same time and get the same
 * answer. A hash made with other parameters than today's is renewed.
 */
export function passwordFactor(deps: PasswordDeps, input: PasswordAttempt): Factor {
  return { method: 'password', wrong: 'wrong_credentials', verify: () => verify(deps, input) };
}

async function verify(deps: PasswordDeps, input: PasswordAttempt): Promise<Verified | ErrorCode> {
  const credential = await findPassword(deps, input);
  const password = normalisePassword(input.password);
  if (!credential || password.length > MAX_PASSWORD) {
    await deps.hasher.pretend(password.slice(0, MAX_PASSWORD));
    return 'wrong_credentials';
  }
  const { ok, stale } = await deps.hasher.verify(credential.hash, password);
  if (!ok) return 'wrong_credentials';
  const renewed = stale ? await deps.hasher.hash(password) : undefined;
  return {
    accountId: credential.accountId,
    credentialId: credential.id,
    consume: async () => {
      if (renewed !== undefined) await deps.credentials.setPasswordHash(credential.id, renewed);
      return undefined;
    },
  };
}

async function findPassword(
  deps: PasswordDeps,
  input: PasswordAttempt,
): Promise<PasswordCredential | undefined> {
  const accountId = input.accountId ?? (await accountNamed(deps, input.identifier));
  // One query for names of nobody as well.
  const credentials = await deps.credentials.byAccount(accountId ?? '');
  return credentials.find((credential) => credential.method === 'password');
}

async function accountNamed(deps: PasswordDeps, identifier: string | null): Promise<string | undefined> {
  if (identifier === null) return undefined;
  return (await deps.accounts.byIdentifier(normaliseIdentifier(identifier)))?.id;
}
