/** The commands of policies. */
import { type Commands, configOf } from './command.ts';
import { UsageError } from './failures.ts';

export const policyCommands: Commands = {
  'policy check': {
    takes: ['config'],
    arguments: ['file'],
    run: async (terminal, values, [policy = '']) =>
      (await files()).policyCheck(terminal, { ...configOf(values), policy }),
  },
  'policy explain': {
    takes: ['config', 'facts'],
    arguments: ['file'],
    run: async (terminal, { facts, ...values }, [policy = '']) => {
      if (facts === undefined) throw new UsageError('stile policy explain needs --facts');
      return (await files()).policyExplain(terminal, { ...configOf(values), policy, facts });
    },
  },
  'policy test': {
    takes: ['config', 'json'],
    arguments: ['file'],
    run: async (terminal, { json = false, ...values }, [tests = '']) =>
      (await import('./policy-test.ts')).policyTest(terminal, { ...configOf(values), tests, json }),
  },
  'policy apply': {
    takes: ['config', 'note'],
    arguments: ['file'],
    run: async (terminal, { note = null, ...values }, [policy = '']) =>
      (await versions()).policyApply(terminal, { ...configOf(values), policy, note }),
  },
  'policy list': {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await versions()).policyList(terminal, configOf(values)),
  },
  'policy show': {
    takes: ['config'],
    arguments: [],
    optional: ['id'],
    run: async (terminal, values, [id]) =>
      (await versions()).policyShow(terminal, {
        ...configOf(values),
        ...(id === undefined ? {} : { id: versionId(id) }),
      }),
  },
  'policy rollback': {
    takes: ['config'],
    arguments: ['id'],
    run: async (terminal, values, [id = '']) =>
      (await versions()).policyRollback(terminal, { ...configOf(values), id: versionId(id) }),
  },
};

function files() {
  return import('./policy-file.ts');
}

function versions() {
  return import('./policy-versions.ts');
}

function versionId(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UsageError(`"${text}" is no version; \`stile policy list\` names them`);
  return Number(text);
}
