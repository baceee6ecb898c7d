/** The commands of `stile audit`, as `run` finds them. */
import { type Commands, configOf } from './command.ts';

const commands = () => import('./audit.ts');

export const auditTable: Commands = {
  'audit verify': {
    takes: ['config', 'file', 'keys', 'anchor'],
    arguments: [],
    run: async (terminal, { file, keys, anchor, ...values }) =>
      (await commands()).auditVerify(terminal, {
        ...configOf(values),
        ...(file === undefined ? {} : { export: file }),
        ...(keys === undefined ? {} : { keys }),
        ...(anchor === undefined ? {} : { anchor }),
      }),
  },
  'audit checkpoint': {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await commands()).auditCheckpoint(terminal, configOf(values)),
  },
  'audit keys': {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await commands()).auditKeys(terminal, configOf(values)),
  },
  'audit export': {
    takes: ['config', 'since', 'until', 'person', 'format'],
    arguments: [],
    run: async (terminal, { since, until, person, format = 'jsonl', ...values }) =>
      (await commands()).auditExport(terminal, {
        ...configOf(values),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        ...(person === undefined ? {} : { person }),
        format,
      }),
  },
};
