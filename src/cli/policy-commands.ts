/** The commands of policies. */
import { type Commands, configOf, type Values } from './command.ts';
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
  'policy backtest': {
    takes: ['config', 'policy', 'since', 'until', 'file', 'html', 'list', 'json'],
    arguments: [],
    run: async (terminal, { policy, file, html, list = false, json = false, ...values }) => {
      if (policy === undefined) throw new UsageError('stile policy backtest needs --policy');
      if (list && json) throw new UsageError('--list and --json both write to standard output; take one');
      const more = {
        ...(file === undefined ? {} : { export: file }),
        ...(html === undefined ? {} : { html }),
      };
      const options = { ...configOf(values), ...spanOf(values), ...more, policy, list, json };
      return (await import('./policy-backtest.ts')).policyBacktest(terminal, options);
    },
  },
  'policy simulate': {
    takes: ['config', 'policy', 'facts', 'json'],
    arguments: [],
    run: async (terminal, { policy, facts, json = false, ...values }) => {
      if (policy === undefined) throw new UsageError('stile policy simulate needs --policy');
      const base = facts === undefined ? {} : { facts };
      return (await import('./policy-simulate.ts')).policySimulate(terminal, {
        ...configOf(values),
        ...base,
        policy,
        json,
      });
    },
  },
  'policy stats': {
    takes: ['config', 'since', 'until', 'json'],
    arguments: [],
    run: async (terminal, { json = false, ...values }) =>
      (await import('./policy-stats.ts')).policyStats(terminal, {
        ...configOf(values),
        ...spanOf(values),
        json,
      }),
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

/** `--since` and `--until`, as they were given. */
function spanOf({ since, until }: Values): { since?: string; until?: string } {
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

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
