/** One JSON line for each decision; never a token. Written by hand: `JSON.stringify` of it took as long as the decision. */
import type { Caller } from '@stile/sdk/server';
import type { DecisionRecord } from './records.ts';
import type { Rule } from './rule.ts';

/** The query, which may hold secrets, is left out. */
export function accessLine({ verdict, request, took, at }: DecisionRecord): string {
  const { caller, rule, status, reason, detail } = verdict;
  const [named, wanted] = rule ? partsOf(rulesMade, rule, partsOfRule) : nothing;
  const [who, level] = caller ? partsOf(callersMade, caller, partsOfCaller) : nothing;
  const asked = request
    ? member('address', request.client) +
      member('method', request.method) +
      member('host', request.host) +
      member('path', request.target === undefined ? undefined : withoutQuery(request.target))
    : '';
  const age =
    caller?.authTime === undefined
      ? ''
      : `,"age":${JSON.stringify(Math.max(0, Math.floor(at / 1000) - caller.authTime))}`;
  const maxAge =
    rule?.effect.kind === 'token' && rule.effect.demand.maxAge !== undefined
      ? `,"maxAge":${rule.effect.demand.maxAge}`
      : '';
  const head = `{"time":"${timeOf(at)}","outcome":"${status === 200 ? 'allow' : 'refuse'}","status":${status},"reason":"${reason}"`;
  const ms = Math.round(took * 1000) / 1000;
  return `${head}${member('detail', detail)}${named}${who}${asked}${level}${wanted}${age}${maxAge},"ms":${ms}}`;
}

/** What stands in two places of a line. */
type Parts = readonly [string, string];

const nothing: Parts = ['', ''];
const rulesMade = new WeakMap<Rule, Parts>();
const callersMade = new WeakMap<Caller, Parts>();

/** Rules, and the callers of remembered tokens, are written once. */
function partsOf<K extends object>(made: WeakMap<K, Parts>, key: K, make: (key: K) => Parts): Parts {
  const known = made.get(key);
  if (known) return known;
  const parts = make(key);
  made.set(key, parts);
  return parts;
}

function partsOfRule({ name, effect }: Rule): Parts {
  const acr = effect.kind === 'token' ? effect.demand.acr : undefined;
  return [member('rule', name), acr ? `,"wanted":${JSON.stringify(acr)}` : ''];
}

function partsOfCaller({ sub, clientId, acr }: Caller): Parts {
  return [member('sub', sub) + member('client', clientId), member('acr', acr)];
}

/** Printable ASCII but quotes and backslashes: the same in JSON. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function member(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  return `,"${name}":${plain.test(value) ? `"${value}"` : JSON.stringify(value)}`;
}

function withoutQuery(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

let second = Number.NaN;
let secondText = '';

/** ISO 8601 of epoch milliseconds. */
function timeOf(at: number): string {
  const whole = Math.floor(at / 1000);
  if (whole !== second) {
    second = whole;
    secondText = new Date(whole * 1000).toISOString().slice(0, 20);
  }
  return `${secondText}${String(Math.floor(at) - whole * 1000).padStart(3, '0')}Z`;
}

/** Lines on their way out. */
export interface LineBuffer {
  readonly add: (line: string) => void;
  /** Writes what is waiting. */
  readonly flush: () => void;
}

/** Characters after which is written at once, and milliseconds after which in any case. */
const MOST = 64 * 1024;
const LONGEST = 50;

/** Lines of a moment are written as one. @param write Gets lines joined, without the last one's end. */
export function bufferLines(write: (lines: string) => void): LineBuffer {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '') return;
    const lines = waiting;
    waiting = '';
    write(lines);
  };
  const add = (line: string) => {
    waiting = waiting === '' ? line : `${waiting}\n${line}`;
    if (waiting.length >= MOST) flush();
    else timer ??= setTimeout(flush, LONGEST);
  };
  return { add, flush };
}
