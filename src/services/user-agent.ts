/** What a program says it is, by its User-Agent and the client hints that browsers send unasked. The only user of bowser. */
import { type ClientHints, parse } from 'bowser';
import { memoised } from '../domain/memo.ts';
import type { Agent } from '../domain/risk/risk.ts';

/** Values of headers, as they came; null or absent: there was none. */
export interface AgentHeaders {
  readonly userAgent: string | null;
  /** `Sec-CH-UA`, such as `"Chromium";v="128", "Brave";v="128"`. */
  readonly brands?: string | null;
  /** `Sec-CH-UA-Mobile`: `?1` or `?0`. */
  readonly mobile?: string | null;
  /** `Sec-CH-UA-Platform`, such as `"Windows"`. */
  readonly platform?: string | null;
}

const silent: Agent = { browser: '', version: 0, os: '', kind: 'unknown' };
/** Characters of a header that are looked at: parsing takes the longer the longer it is. */
const longest = 300;
const kinds: Readonly<Record<string, Agent['kind']>> = {
  desktop: 'desktop',
  mobile: 'mobile',
  tablet: 'tablet',
  bot: 'bot',
};

/** Most requests come from few programs. No header has a line break. */
const described = memoised(1000, (lines) => describe(lines.split('\n')));

/** Browser, major version, system and kind of device. Never throws: what cannot be told is '' or 0. */
export function agentOf(headers: AgentHeaders): Agent {
  const parts = [headers.userAgent, headers.brands, headers.mobile, headers.platform];
  return described(parts.map((part) => (part ?? '').slice(0, longest).replaceAll('\n', ' ')).join('\n'));
}

function describe([userAgent = '', brands = '', mobile = '', platform = '']: readonly string[]): Agent {
  if (userAgent === '') return silent;
  const hints = hintsOf(brands, mobile, platform);
  const { browser, os, platform: device } = hints ? parse(userAgent, hints) : parse(userAgent);
  if (!browser.name) return { ...silent, ...product(userAgent), os: text(os.name) };
  return {
    browser: text(browser.name),
    version: major(browser.version),
    os: text(os.name),
    kind: kinds[device.type ?? ''] ?? 'unknown',
  };
}

/** Structured fields (RFC 8941), of which only what browsers send is read. */
function hintsOf(brands: string, mobile: string, platform: string): ClientHints | undefined {
  if (brands === '') return undefined;
  const each = [...brands.matchAll(/"([^"]{1,60})";\s*v="(\d{1,6})[\d.]*"/g)];
  const [, system] = /^"([^"]{1,40})"$/.exec(platform) ?? [];
  return {
    brands: each.map(([, brand = '', version = '']) => ({ brand, version })),
    mobile: mobile === '?1',
    ...(system === undefined ? {} : { platform: system }),
  };
}

/** Programs that are no browsers begin with their product (RFC 9110, section 10.1.5): `curl/8.5.0`. */
function product(userAgent: string): Pick<Agent, 'browser' | 'version'> {
  const [, name = '', version = ''] = /^([A-Za-z][\w.-]{0,39})(?:\/(\d{1,6}))?/.exec(userAgent) ?? [];
  return { browser: name, version: major(version) };
}

function major(version: string | undefined): number {
  return Number(/^\d{1,6}/.exec(version ?? '')?.[0] ?? 0);
}

function text(name: string | undefined): string {
  return (name ?? '').slice(0, 40);
}
