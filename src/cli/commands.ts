/** The commands but those of policies. Each loads only what it needs. */
import { type Command, type Commands, configOf, type Values } from './command.ts';
import { UsageError } from './failures.ts';

export const commands: Commands = {
  start: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./start.ts')).start(terminal, configOf(values)),
  },
  check: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./check.ts')).check(terminal, configOf(values)),
  },
  migrate: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) =>
      (await import('./migrate.ts')).migrateCommand(terminal, configOf(values)),
  },
  'user add': {
    takes: ['config', 'email', 'name', 'group', 'password-stdin'],
    arguments: ['username'],
    run: async (
      terminal,
      { email, name, group: groups, 'password-stdin': passwordStdin = false, ...values },
      [username = ''],
    ) =>
      (await import('./user-add.ts')).userAdd(terminal, {
        ...configOf(values),
        username,
        passwordStdin,
        ...(email === undefined ? {} : { email }),
        ...(name === undefined ? {} : { name }),
        ...(groups === undefined ? {} : { groups }),
      }),
  },
  'user groups': {
    takes: ['config', 'none'],
    arguments: ['username'],
    more: true,
    run: async (terminal, { none = false, ...values }, [identifier = '', ...groups]) => {
      if (none && groups.length > 0) throw new UsageError('--none and groups exclude each other');
      return (await import('./user-groups.ts')).userGroups(terminal, {
        ...configOf(values),
        identifier,
        ...(none || groups.length > 0 ? { groups } : {}),
      });
    },
  },
  'user disable': status('disabled'),
  'user enable': status('active'),
  'user code': {
    takes: ['config'],
    arguments: ['username'],
    run: async (terminal, values, [identifier = '']) =>
      (await import('./user-code.ts')).userCode(terminal, { ...configOf(values), identifier }),
  },
  'client add': {
    takes: ['config', 'file', 'public'],
    arguments: [],
    run: async (terminal, { file: client, public: open = false, ...values }) => {
      if (client === undefined) throw new UsageError('stile client add needs --file');
      return (await clientCommands()).clientAdd(terminal, { ...configOf(values), client, public: open });
    },
  },
  'client remove': {
    takes: ['config'],
    arguments: ['client id'],
    run: async (terminal, values, [clientId = '']) =>
      (await clientCommands()).clientRemove(terminal, { ...configOf(values), clientId }),
  },
  'client list': {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await clientCommands()).clientList(terminal, configOf(values)),
  },
  gate: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./gate.ts')).gate(terminal, { file: gateFile(values) }),
  },
  'gate explain': {
    takes: ['config', 'token'],
    arguments: ['method', 'url'],
    run: async (terminal, values, [method = '', url = '']) =>
      (await import('./gate.ts')).gateExplain(terminal, {
        file: gateFile(values),
        method,
        url,
        ...(values.token === undefined ? {} : { token: values.token }),
      }),
  },
  secret: {
    takes: ['key'],
    arguments: [],
    run: async (terminal, { key = false }) => (await import('./secret.ts')).secret(terminal, { key }),
  },
};

function gateFile({ config }: Values): string {
  if (config === undefined) throw new UsageError('stile gate needs --config');
  return config;
}

function clientCommands() {
  return import('./client.ts');
}

function status(status: 'active' | 'disabled'): Command {
  return {
    takes: ['config'],
    arguments: ['username'],
    run: async (terminal, values, [identifier = '']) =>
      (await import('./user-status.ts')).userStatus(terminal, { ...configOf(values), identifier, status }),
  };
}
