/** `stile policy apply`, `list`, `show` and `rollback`: policies kept in the database. */
import { userInfo } from 'node:os';
import { z } from 'zod';
import type { Core } from '../app.ts';
import { faultLines, LONGEST_POLICY, loadPolicy, PolicyError } from '../config/policy/load.ts';
import type { Config } from '../config/schema.ts';
import { StileError } from '../domain/errors.ts';
import type { Level } from '../domain/ladder.ts';
import { applyPolicy, rollBackPolicy } from '../services/policies.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import { requiredText } from './policy-file.ts';
import type { Terminal } from './terminal.ts';

const applyInput = z.strictObject({
  text: z.string().max(LONGEST_POLICY),
  note: z.string().max(500).nullable(),
  by: z.string().max(100),
});
const rollbackInput = z.strictObject({ id: z.int().positive(), by: z.string().max(100) });

export interface PolicyApplyOptions extends ConfigFile {
  readonly policy: string;
  readonly note: string | null;
}

/** Checks the policy and puts it in force. Errors: `PolicyError`, `policy_in_file`. */
export async function policyApply(
  terminal: Terminal,
  { policy: file, note, ...options }: PolicyApplyOptions,
): Promise<number> {
  const loaded = load(options);
  refuseFile(loaded.config);
  const text = requiredText(file);
  const { faults } = loadPolicy(text, levelsOf(loaded.config));
  if (faults.length > 0) throw new PolicyError(file, faults);
  const input: z.input<typeof applyInput> = { text, note, by: userInfo().username };
  const id = await perform(loaded, policyApplyCommand, input);
  terminal.out(`Version ${id} is in force; running servers take it within seconds.`);
  return 0;
}

/** Where the configuration names a file, that is the policy. */
function refuseFile({ policy }: Config): void {
  if (policy.file !== undefined) throw new StileError('policy_in_file', { detail: policy.file });
}

function levelsOf({ levels }: Config): { levels: readonly Level[] } {
  return { levels: levels as readonly Level[] };
}

/** Checked again where it is kept: a running process has a configuration of its own. */
async function apply(core: Core, input: unknown): Promise<number> {
  const { text, note, by } = parsed(applyInput, input);
  refuseFile(core.config);
  const { faults } = loadPolicy(text, levelsOf(core.config));
  if (faults.length > 0)
    throw new StileError('policy_invalid', { detail: faultLines('policy', faults).join('\n') });
  const id = await applyPolicy(withPolicies(core), { text, note, by });
  await core.policy.poll();
  return id;
}

async function rollback(core: Core, input: unknown): Promise<number> {
  const { id, by } = parsed(rollbackInput, input);
  refuseFile(core.config);
  const stored = await core.stores.policies.byId(id);
  if (!stored) throw new StileError('policy_not_found', { detail: String(id) });
  const { faults } = loadPolicy(stored.text, levelsOf(core.config));
  if (faults.length > 0)
    throw new StileError('policy_invalid', { detail: faultLines(`version ${id}`, faults).join('\n') });
  await rollBackPolicy(withPolicies(core), { id, by });
  await core.policy.poll();
  return id;
}

function withPolicies({ services, stores }: Core) {
  return { ...services, policies: stores.policies };
}

function parsed<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input);
  if (!result.success) throw new StileError('bad_request');
  return result.data;
}

/** Errors: `policy_not_found`, `policy_invalid`, `policy_in_file`. */
export async function policyRollback(
  terminal: Terminal,
  { id, ...options }: ConfigFile & { readonly id: number },
): Promise<number> {
  const loaded = load(options);
  refuseFile(loaded.config);
  await perform(loaded, policyRollbackCommand, { id, by: userInfo().username });
  terminal.out(`Version ${id} is in force again; running servers take it within seconds.`);
  return 0;
}

const listed = z.array(
  z.object({
    id: z.number(),
    note: z.string().nullable(),
    createdAt: z.number(),
    createdBy: z.string(),
    active: z.boolean(),
  }),
);

/** One line for each version, the latest first: a star if it is in force, id, time, who, note. */
export async function policyList(terminal: Terminal, options: ConfigFile): Promise<number> {
  const loaded = load(options);
  const versions = listed.parse(await perform(loaded, policyListCommand, null));
  for (const { id, note, createdAt, createdBy, active } of versions) {
    const at = new Date(createdAt * 1000).toISOString().replace('.000Z', 'Z');
    terminal.out(`${active ? '*' : ' '} ${id}  ${at}  ${createdBy}${note === null ? '' : `  ${note}`}`);
  }
  if (versions.length === 0) terminal.note('The database holds no policy.');
  const { file } = loaded.config.policy;
  if (file !== undefined) terminal.note(`The configuration names ${file}, which is the policy in force.`);
  return 0;
}

/** The text of a version. Error: `CommandError`. */
export async function policyShow(
  terminal: Terminal,
  { id, ...options }: ConfigFile & { readonly id?: number },
): Promise<number> {
  const text = await perform(load(options), policyShowCommand, id ?? null);
  if (typeof text !== 'string')
    throw new CommandError(id === undefined ? 'the database holds no policy' : `there is no version ${id}`);
  terminal.out(text.replace(/\n$/, ''));
  return 0;
}

async function show({ stores }: Core, id: unknown): Promise<string | null> {
  const found = typeof id === 'number' ? await stores.policies.byId(id) : await stores.policies.newer(0);
  return found?.text ?? null;
}

export const policyApplyCommand: DatabaseCommand = { name: 'policy.apply', run: apply };
export const policyRollbackCommand: DatabaseCommand = { name: 'policy.rollback', run: rollback };
export const policyListCommand: DatabaseCommand = {
  name: 'policy.list',
  run: ({ stores }) => stores.policies.list(),
};
export const policyShowCommand: DatabaseCommand = { name: 'policy.show', run: show };
/** What a running process serves. */
export const policyVersionCommands: readonly DatabaseCommand[] = [
  policyApplyCommand,
  policyRollbackCommand,
  policyListCommand,
  policyShowCommand,
];
