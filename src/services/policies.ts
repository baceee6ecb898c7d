/** The policy in force, where it comes from, and its versions in the database. */
import { createHash } from 'node:crypto';
import { StileError } from '../domain/errors.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import type { PolicySource, PolicyStore } from './ports/policy.ts';
import { createReloadable } from './reloadable.ts';

export interface PolicyHolder extends PolicySource {
  /** Looks for a newer version in the database. */
  poll(): Promise<void>;
  /** Reads it again, from the file or the database. */
  reload(): Promise<void>;
  /** Why there is no policy that can be used; undefined: there is one. */
  fault(): string | undefined;
}

export interface PolicyHolderDeps {
  readonly versions: PolicyStore;
  readonly log: {
    info(facts: object, message: string): void;
    error(facts: object, message: string): void;
  };
  /** Throws, with every fault in its message, where the text cannot be used. */
  readonly load: (text: string, name: string) => Policy;
  /** Where the configuration names a file: it is the source, and the database is not asked. */
  readonly file?: {
    readonly name: string;
    readonly first: { readonly text: string; readonly policy: Policy };
    /** Undefined where it cannot be read. */
    readonly read: () => Promise<string | undefined>;
  };
  /** Of whoever has none. */
  readonly empty: Policy;
}

/** Reads nothing yet. Without a file the policy is the empty one until `poll` finds one. */
export function createPolicyHolder({ versions, log, load, file, empty }: PolicyHolderDeps): PolicyHolder {
  let known = 0;
  /** There was no version, so that the empty policy is one that was in force. */
  let none = false;
  let fault: string | undefined;
  const kept = (error: unknown, name: string) => {
    const reason = error instanceof Error ? error.message : 'unknown';
    if (held.current() === undefined && !none) fault = reason;
    log.error({ reason }, `the policy of ${name} was not taken; the one before it stays in force`);
  };
  const held = createReloadable<Policy>({
    make: load,
    taken: ({ version, rules }, name) => {
      fault = undefined;
      log.info({ policy: version, rules: rules.length }, `the policy of ${name} is in force`);
    },
    kept,
    ...(file ? { first: { text: file.first.text, value: file.first.policy } } : {}),
  });
  const poll = async () => {
    if (file) return;
    const found = await versions.newer(known);
    none ||= known === 0 && !found;
    if (!found) return;
    known = found.id;
    const name = `version ${found.id}`;
    if (await isRecorded(versions, found)) held.offer(found.text, name);
    else kept(new Error(NOT_RECORDED), name);
  };
  return {
    current: () => {
      if (fault !== undefined) throw new StileError('policy_unavailable', { detail: fault });
      return held.current() ?? empty;
    },
    fault: () => fault,
    poll,
    reload: async () => {
      if (!file) return poll();
      const text = await file.read();
      if (text === undefined)
        log.error({}, `${file.name} cannot be read; the policy before it stays in force`);
      else held.offer(text, file.name);
    },
  };
}

const NOT_RECORDED = 'its text is not the one that the audit says was put in force';

/** Whoever writes to the table alone changes no policy: the audit is sealed. */
async function isRecorded(
  versions: Pick<PolicyStore, 'recordedHash'>,
  { id, text }: { readonly id: number; readonly text: string },
): Promise<boolean> {
  const recorded = await versions.recordedHash(id);
  return recorded === undefined || recorded === hashOf(text);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export type PolicyDeps = Pick<Deps, 'clock' | 'random' | 'audit' | 'unitOfWork'> & {
  readonly policies: PolicyStore;
};

export interface NewPolicy {
  /** Checked already. */
  readonly text: string;
  readonly note: string | null;
  /** Who applies it. */
  readonly by: string;
}

/** Puts a new version in force; returns its id. */
export function applyPolicy(deps: PolicyDeps, { text, note, by }: NewPolicy): Promise<number> {
  return deps.unitOfWork.run(async () => {
    const id = await deps.policies.add({ text, note, createdAt: deps.clock.now(), createdBy: by });
    const data = { id, by, change: 'applied', hash: hashOf(text) } as const;
    await record(deps, { type: 'policy_changed', outcome: 'success', data });
    return id;
  });
}

/** Puts an earlier version in force again. Errors `policy_not_found`; `policy_invalid` where its text was changed since. */
export function rollBackPolicy(
  deps: PolicyDeps,
  { id, by }: { readonly id: number; readonly by: string },
): Promise<void> {
  return deps.unitOfWork.run(async () => {
    const found = await deps.policies.byId(id);
    if (!found || !(await deps.policies.activate(id))) throw new StileError('policy_not_found');
    if (!(await isRecorded(deps.policies, found)))
      throw new StileError('policy_invalid', { detail: NOT_RECORDED });
    await record(deps, {
      type: 'policy_changed',
      outcome: 'success',
      data: { id, by, change: 'rolled_back', hash: hashOf(found.text) },
    });
  });
}
