/** Factors of test people: apps and passkeys added straight to the store, and what they answer. */
import { type ErrorCode, StileError } from '../../src/domain/errors.ts';
import { stepAt } from '../../src/domain/totp.ts';
import { type AttemptContext, attempt, type Factor } from '../../src/services/attempt.ts';
import { emailCodeFactor, sendEmailCode } from '../../src/services/email-code.ts';
import { beginPasskey, passkeyFactor } from '../../src/services/factors/passkey.ts';
import { registrationOptions, verifyRegistration } from '../../src/services/factors/passkey-registration.ts';
import { codeAt, sealSeed, totpFactor } from '../../src/services/factors/totp.ts';
import type { Account, CredentialBase, PasskeyCredential } from '../../src/services/ports/people.ts';
import { codeOf, type FactorWorld, ORIGIN } from './factor-world.ts';
import {
  type AuthenticatorOptions,
  createAuthenticator,
  type SoftwareAuthenticator,
  type Twist,
} from './webauthn.ts';

export interface TestApp {
  readonly id: string;
  readonly seed: Uint8Array;
}

type Bound = Partial<Pick<CredentialBase, 'boundAt' | 'boundBy' | 'label'>>;

/** Enrols an authenticator app, past the gate. */
export async function addTotp({ deps }: FactorWorld, account: Account, bound: Bound = {}): Promise<TestApp> {
  const id = deps.random.id();
  const seed = Buffer.from(deps.random.token(20), 'base64url');
  await deps.credentials.add({
    ...baseOf(id, account, bound),
    method: 'totp',
    label: 'App',
    sealedSeed: sealSeed(deps, seed, id),
    lastStep: null,
  });
  return { id, seed };
}

/** What the app shows now, or some steps away. */
export function currentCode(
  { deps }: Pick<FactorWorld, 'deps'>,
  { seed }: Pick<TestApp, 'seed'>,
  away = 0,
): string {
  return codeAt(seed, stepAt(deps.clock.now()) + away);
}

function baseOf(id: string, account: Account, bound: Bound): CredentialBase {
  return {
    id,
    accountId: account.id,
    label: 'Test',
    boundAt: 'urn:stile:acr:1fa',
    boundBy: 'admin',
    createdAt: 1_800_000_000,
    lastUsedAt: null,
    ...bound,
  };
}

export interface TestPasskey {
  readonly credential: PasskeyCredential;
  readonly authenticator: SoftwareAuthenticator;
}

/** Registers a passkey with a software authenticator, past the gate. */
export async function addPasskey(
  { deps }: FactorWorld,
  account: Account,
  { bound = {}, ...options }: AuthenticatorOptions & { readonly bound?: Bound } = {},
): Promise<TestPasskey> {
  const authenticator = createAuthenticator(options);
  const owner = `test:${deps.random.id()}`;
  const json = authenticator.register(await registrationOptions(deps, owner, account), ORIGIN);
  const found = await verifyRegistration(deps, { owner, account, json });
  if (!found) throw new Error('the registration did not verify');
  const credential = { ...baseOf(deps.random.id(), account, bound), ...found.passkey };
  await deps.credentials.add(credential);
  return { credential, authenticator };
}

/** A transaction's whole passkey ceremony; the code of the error it ends in, or `none`. */
export async function usePasskey(
  world: FactorWorld,
  context: AttemptContext,
  authenticator: SoftwareAuthenticator,
  twist: Twist = {},
): Promise<ErrorCode | 'none'> {
  return codeOf(attempt(world.deps, context, await passkeyAnswer(world, context, authenticator, twist)));
}

/** An answer to the transaction's challenge, as a factor. */
export async function passkeyAnswer(
  { deps }: FactorWorld,
  context: AttemptContext,
  authenticator: SoftwareAuthenticator,
  twist: Twist = {},
): Promise<Factor> {
  const owner = `tx:${context.transactionId}`;
  const { accountId } = context;
  const options = await beginPasskey(deps, { owner, accountId, userVerification: 'preferred' });
  const response = authenticator.authenticate(options, ORIGIN, twist);
  return passkeyFactor(deps, { owner, response, requireUserVerification: false });
}

/** Gives a code of the app in the transaction. */
export async function useTotp(
  world: FactorWorld,
  context: AttemptContext,
  code: string,
): Promise<ErrorCode | 'none'> {
  const factor = totpFactor(world.deps, { accountId: context.accountId, code });
  return codeOf(attempt(world.deps, context, factor));
}

/** Sends a code to the account's address and returns the one that arrived. */
export async function mailedCode(
  { deps, mails }: FactorWorld,
  context: AttemptContext,
): Promise<string | undefined> {
  if (context.accountId === null) throw new StileError('bad_request');
  const before = mails.length;
  const owner = `tx:${context.transactionId}`;
  await sendEmailCode(deps, { owner, accountId: context.accountId, correlationId: null });
  return /\b\d{8}\b/.exec(mails.slice(before).at(-1)?.text ?? '')?.[0];
}

/** Gives an emailed code in the transaction. */
export async function useEmailCode(
  { deps }: FactorWorld,
  context: AttemptContext,
  code: string,
): Promise<ErrorCode | 'none'> {
  const { accountId, transactionId } = context;
  return codeOf(
    attempt(deps, context, emailCodeFactor(deps, { owner: `tx:${transactionId}`, accountId, code })),
  );
}
