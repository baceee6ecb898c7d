/** Whether a completed sign-in says that it was the person: only then is where it came from familiar later. */
import { type Method, type Proof, proofShape } from '../proofs.ts';

export interface Completion {
  /** That satisfied it. */
  readonly proofs: readonly Pick<Proof, 'kinds' | 'transaction'>[];
  readonly transaction: string;
  /** The browser was vouched for before. */
  readonly known: boolean;
  /** Of the account's factors. */
  readonly methods: readonly Method[];
}

/**
 * Something that the person has was used in it, or the browser is one of the person's, or the account has nothing but what a
 * thief of a password could have too. What was proved in the session before, perhaps elsewhere, vouches for nothing.
 */
export function isVouched({ proofs, transaction, known, methods }: Completion): boolean {
  const possessed = proofs.some((proof) => proof.transaction === transaction && isPossession(proof.kinds));
  return possessed || known || !methods.some((method) => isPossession(proofShape(method).kinds));
}

function isPossession(kinds: Proof['kinds']): boolean {
  return kinds.includes('possession');
}
