/**
 * What a sign-in or step-up shows next. Steps return to this and never to one another.
 */
import type { Choice, EnrolChoice, EnrolmentOffer, ProofRequest } from '../domain/evaluate.ts';
import type { Method } from '../domain/proofs.ts';
import type { Clause } from '../domain/requirement.ts';
import type { Assessment } from './assurance.ts';
import type { AuthTransaction } from './ports/assurance.ts';

/** A way to satisfy what is asked: its proofs in order, the first of which is asked for now. */
export interface Path {
  readonly method: Method;
  readonly prove: readonly ProofRequest[];
}

export type Step =
  | { readonly name: 'finish' }
  | {
      readonly name: 'fail';
      readonly error: 'access_denied' | 'unmet_authentication_requirements';
      readonly reason?: string;
    }
  | { readonly name: 'sign-in'; readonly missing: readonly Clause[] }
  | { readonly name: 'password'; readonly identifier: string; readonly missing: readonly Clause[] }
  | {
      readonly name: 'step-up';
      readonly path: Path;
      readonly others: readonly Path[];
      readonly missing: readonly Clause[];
    }
  | {
      readonly name: 'enrol';
      readonly offers: readonly EnrolmentOffer[];
      readonly missing: readonly Clause[];
    };

export interface NextInput {
  readonly transaction: Pick<AuthTransaction, 'identifier'>;
  readonly assessment: Assessment;
  /** The way the person chose on the page, if any. */
  readonly chosen?: string | undefined;
  readonly lastMethod?: Method | null;
}

/** The next step; never more than what the requirement still lacks. */
export function nextStep({ transaction, assessment, chosen, lastMethod }: NextInput): Step {
  const { outcome, facts } = assessment;
  switch (outcome.kind) {
    case 'satisfied':
      return { name: 'finish' };
    case 'denied':
      return { name: 'fail', error: 'access_denied', reason: outcome.reason };
    case 'unmet':
      return { name: 'fail', error: 'unmet_authentication_requirements' };
    case 'enrol':
      return enrolStep(outcome.choices, outcome.missing);
    case 'stepUp': {
      const { missing } = outcome;
      if (facts) return proveStep(outcome.choices, missing, { chosen, lastMethod });
      const { identifier } = transaction;
      return identifier === null ? { name: 'sign-in', missing } : { name: 'password', identifier, missing };
    }
  }
}

/** Where the enrolment also needs proofs, they come first: the page is then a step-up. */
function enrolStep(choices: readonly EnrolChoice[], missing: readonly Clause[]): Step {
  const ready = choices.filter(({ prove }) => prove.length === 0);
  const usable = ready.length > 0 ? ready : choices;
  const offers = usable.map(({ enrol }) => enrol);
  const [first] = usable;
  if (ready.length === 0 && first) return proveStep(usable, missing, {});
  return {
    name: 'enrol',
    offers: offers.filter((offer, at) => offers.findIndex(({ method }) => method === offer.method) === at),
    missing,
  };
}

export interface Preference {
  readonly chosen?: string | undefined;
  readonly lastMethod?: Method | null | undefined;
}

/** The step that asks for one of the choices: the wanted one, else the last used, else the strongest. */
export function proveStep(
  choices: readonly Choice[],
  missing: readonly Clause[],
  preference: Preference,
): Step {
  const paths = distinct(choices.map(pathOf)).sort((a, b) => strength(b) - strength(a));
  const wanted =
    paths.find(({ method }) => method === preference.chosen) ??
    paths.find(({ prove }) =>
      prove.some(({ method }) => method === preference.lastMethod && method !== 'password'),
    ) ??
    paths[0];
  if (!wanted) return { name: 'fail', error: 'unmet_authentication_requirements' };
  return { name: 'step-up', path: wanted, others: paths.filter((path) => path !== wanted), missing };
}

/** A path is named by the factor that sets it apart; a password that goes with it is asked for first. */
function pathOf({ prove }: Choice): Path {
  const ordered = [...prove].sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
  const named = ordered.findLast(({ method }) => method !== 'password') ?? ordered[0];
  return { method: named?.method ?? 'password', prove: ordered };
}

const order: readonly Method[] = ['password', 'federated', 'email', 'recovery', 'totp', 'passkey'];

/** One path a method: the strongest of it that takes the fewest proofs. */
function distinct(paths: readonly Path[]): Path[] {
  const best = new Map<Method, Path>();
  for (const path of paths) {
    const other = best.get(path.method);
    if (!other || path.prove.length < other.prove.length) best.set(path.method, path);
    else if (path.prove.length === other.prove.length) best.set(path.method, merge(other, path));
  }
  return [...best.values()];
}

/** Equal ways with different keys are one way with all of them. */
function merge(a: Path, b: Path): Path {
  const prove = a.prove.map((request) => {
    const same = b.prove.find(({ method }) => method === request.method);
    if (!same) return request;
    return {
      ...request,
      credentialIds: [...new Set([...request.credentialIds, ...same.credentialIds])],
      userVerified: request.userVerified && same.userVerified,
      hardwareProtected: request.hardwareProtected && same.hardwareProtected,
    };
  });
  return { ...a, prove };
}

function strength({ prove }: Path): number {
  const resistant = prove.some(({ method }) => method === 'passkey') ? 4 : 0;
  const hardware = prove.some(({ hardwareProtected }) => hardwareProtected) ? 8 : 0;
  return resistant + hardware - prove.length;
}
