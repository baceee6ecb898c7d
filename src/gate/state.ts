/** The rules in force, and their replacement: whole or not at all. */
import { BlockList } from 'node:net';
import { type Networks, networksOf } from './facts.ts';
import { GateFileError, type GateSettings, parseGateFile } from './parse-rules.ts';
import { indexRules, type RuleIndex } from './rule-index.ts';

export interface GateState {
  readonly settings: GateSettings;
  readonly index: RuleIndex;
  /** Whether an address is a trusted proxy's. */
  readonly isTrusted: Networks;
}

/** @throws GateFileError with every fault. */
export function stateOf(text: string): GateState {
  const parsed = parseGateFile(text);
  if ('faults' in parsed) throw new GateFileError(parsed.faults);
  const { settings } = parsed;
  const trusted = new BlockList();
  for (const network of settings.trustedProxies) {
    const [address = '', bits] = network.split('/');
    trusted.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return { settings, index: indexRules(settings.rules, settings.hosts), isTrusted: networksOf(trusted) };
}

const fixed = [
  'issuer',
  'audience',
  'introspection',
  'nonceSecretFile',
  'listen',
  'metrics',
  'authzenUrl',
] as const;

/** The state a new text makes of the old one. @throws GateFileError, also where a setting needs a restart. */
export function nextState(old: GateState, text: string): GateState {
  const next = stateOf(text);
  const faults = fixed
    .filter((name) => JSON.stringify(next.settings[name]) !== JSON.stringify(old.settings[name]))
    .map((name) => ({ path: name, line: 1, column: 1, message: 'cannot change without a restart' }));
  if (faults.length > 0) throw new GateFileError(faults);
  return next;
}
