/**
 * Holds the rules of docs/architecture.md: which layer may import which, which file owns which package, where
 * hidden inputs may enter. A rule is changed here and there together.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Source {
  /** Relative to the root, with forward slashes. */
  readonly file: string;
  readonly text: string;
  /** Without comments and strings. */
  readonly code: string;
  /** Its strings, those in templates without what is filled in. */
  readonly texts: readonly string[];
  readonly imports: readonly string[];
}

const sources = load(['src']);
const examples = load(['examples']);
const sdk = load(['sdk/src']);

describe('layers', () => {
  /** What each part of src may import, beside itself. */
  const allowed: Record<string, readonly string[]> = {
    'src/domain': [],
    'src/config': ['src/domain'],
    'src/services': ['src/domain', 'src/config/schema.ts'],
    'src/oidc': ['src/services', 'src/domain', 'src/config'],
    'src/gate': ['src/domain/errors.ts', 'src/config/yaml-file.ts'],
    'src/http': ['src/services', 'src/domain', 'src/config', 'src/oidc'],
    'src/report': ['src/domain'],
    'src/infra': [
      'src/services/ports',
      'src/services/protocol-context.ts',
      'src/domain',
      'src/config/schema.ts',
      'src/generated',
    ],
  };

  test.each(Object.entries(allowed))('%s imports itself and %j only', (layer, others) => {
    const stray = sources
      .filter(({ file }) => file.startsWith(`${layer}/`))
      .flatMap(({ file, imports }) =>
        imports
          .flatMap((path) => local(file, path))
          .filter((target) => ![layer, ...others].some((part) => within(target, part)))
          .map((target) => `${file} imports ${target}`),
      );
    expect(stray).toEqual([]);
  });

  test('only the composition root joins the layers', () => {
    const joined = sources
      .filter(({ file }) => !/^src\/(app|app-http|app-audit|main|cli)\.ts$|^src\/cli\//.test(file))
      .filter(({ file, imports }) => {
        const targets = imports.flatMap((path) => local(file, path));
        const parts = ['src/http', 'src/infra', 'src/oidc'].filter(
          (part) => within(file, part) || targets.some((target) => within(target, part)),
        );
        return parts.includes('src/infra') && parts.length > 1;
      })
      .map(({ file }) => file);
    expect(joined).toEqual([]);
  });

  test('ports are interfaces only', () => {
    const ports = sources.filter(({ file }) => file.startsWith('src/services/ports/'));
    expect(ports.length).toBeGreaterThan(5);
    for (const { code } of ports)
      expect(code).not.toMatch(/^\s*(export )?(const|let|function|class|async function)\b/m);
  });

  test('the examples know Stile only by its protocol', () => {
    const stray = examples.flatMap(({ file, imports }) =>
      imports.flatMap((path) => local(file, path)).filter((target) => within(target, 'src')),
    );
    expect(stray).toEqual([]);
  });
});

describe('packages', () => {
  /** Who may import a package. Everything else from npm or Node is open to all but the domain. */
  const owners: [pattern: RegExp, owner: RegExp][] = [
    [/^pg$/, /^src\/infra\//],
    [/^@prisma\//, /^src\/infra\//],
    [/^@electric-sql\//, /^src\/infra\//],
    [/^pino$/, /^src\/infra\//],
    [/^nodemailer$/, /^src\/infra\//],
    [/^@node-rs\/argon2$/, /^src\/infra\//],
    [/^koa$/, /^src\/(http|oidc|app(-http)?)\b/],
    [/^oidc-provider$/, /^src\/(oidc|http|app-http|infra\/oidc-[a-z-]+)\b/],
    [/^ejs$/, /^src\/http\//],
    [/^@marcbachmann\/cel-js\b/, /^src\/domain\/policy\/cel\.ts$/],
    [/^otplib$|^@otplib\//, /^src\/(domain\/totp|services\/factors)\b/],
    [/^@simplewebauthn\//, /^src\/services\/factors\//],
    [/^@observablehq\/plot$|^linkedom$/, /^src\/report\//],
    [/^mmdb-lib$/, /^src\/infra\/mmdb\.ts$/],
    [/^bowser$/, /^src\/services\/user-agent\.ts$/],
    [/^yaml$/, /^src\/(config|gate)\//],
    [/^(node:)?http2?$|^(node:)?https$/, /^src\/(app|main|http|gate)\b/],
  ];

  test.each(owners)('%s belongs to %s', (pattern, owner) => {
    const stray = sources
      .filter(({ file, imports }) => !owner.test(file) && imports.some((path) => pattern.test(path)))
      .map(({ file }) => file);
    expect(stray).toEqual([]);
  });

  test('the domain imports nothing that is not pure', () => {
    const pure = /^(\.|node:crypto$|otplib$|@otplib\/|@marcbachmann\/cel-js$)/;
    const stray = sources
      .filter(({ file }) => within(file, 'src/domain'))
      .flatMap(({ file, imports }) =>
        imports.filter((path) => !pure.test(path)).map((path) => `${file} imports ${path}`),
      );
    expect(stray).toEqual([]);
  });
});

describe('the SDK', () => {
  test('imports itself, jose and oauth4webapi only: nothing of the server, of Node or of a framework', () => {
    const stray = sdk.flatMap(({ file, imports }) =>
      imports
        .filter((path) => !/^(jose|oauth4webapi)$/.test(path))
        .filter((path) => !local(file, path).some((target) => within(target, 'sdk/src')))
        .map((path) => `${file} imports ${path}`),
    );
    expect(stray).toEqual([]);
  });

  test('its server half knows nothing of clients', () => {
    const stray = sdk
      .filter(({ file }) => within(file, 'sdk/src/server'))
      .flatMap(({ file, imports }) => imports.flatMap((path) => local(file, path)))
      .filter((target) => within(target, 'sdk/src/client') || within(target, 'sdk/src/testing'));
    expect(stray).toEqual([]);
  });

  test('its files are of the same form', () => {
    const odd = sdk.filter(
      ({ file, text, code }) =>
        !/^[a-z0-9/-]+\.ts$/.test(file) ||
        text.split('\n').length > 200 ||
        /:\s*any\b|\bas any\b|<any>|^export default\b/m.test(code) ||
        /@ts-(ignore|expect-error|nocheck)/.test(text),
    );
    expect(odd.map(({ file }) => file)).toEqual([]);
  });
});

describe('hidden inputs', () => {
  test('only infra/system reads the clock', () => {
    expect(
      using(/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b|\bDate\(\)/, system),
    ).toEqual([]);
  });

  test('only infra/system makes randomness', () => {
    expect(
      using(/\bMath\.random\b|\brandom(Bytes|Int|UUID|Fill|FillSync)\b|\bgetRandomValues\b/, system),
    ).toEqual([]);
  });

  test('only config/load reads the environment', () => {
    expect(using(/\bprocess\.env\b|\benv\b.*from 'node:process'/, /^src\/config\/load\.ts$/)).toEqual([]);
  });

  test('only main and the command line write to the console, and end the process', () => {
    const outer = /^src\/(main|cli)\.ts$|^src\/cli\//;
    expect(using(/\bconsole\.\w+\(|\bprocess\.exit\b|\bprocess\.std(out|err)\b/, outer)).toEqual([]);
  });

  test('SQL never asks the time, but to measure the offset and to keep the books of migrations', () => {
    const asks =
      /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|\b(current|local)_?(time|date)/i;
    const asking = sources
      .filter(({ file }) => !/^src\/infra\/(database-clock|migrate)\.ts$/.test(file))
      .filter(({ texts }) => texts.some((each) => asks.test(each)))
      .map(({ file }) => file);
    const folder = join(root, 'prisma/migrations');
    const migrations = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.sql'))
      .filter((name) => asks.test(readFileSync(join(folder, name), 'utf8')));
    expect([...asking, ...migrations]).toEqual([]);
  });

  const system = /^src\/infra\/system\.ts$/;
});

describe('form', () => {
  test('no default exports', () => {
    expect(using(/^export default\b|\bas default\b/m, /^$/)).toEqual([]);
  });

  test('files are named in kebab-case', () => {
    const odd = sources.filter(({ file }) => !/^[a-z0-9/-]+\.ts$/.test(file));
    expect(odd.map(({ file }) => file)).toEqual([]);
  });

  test('a file is a page or two: 260 lines at the very most, 200 by the guide', () => {
    const long = sources
      .map(({ file, text }) => `${file}: ${text.split('\n').length} lines`)
      .filter((entry) => Number(/(\d+) lines/.exec(entry)?.[1]) > 260)
      .filter(
        (entry) =>
          !/^src\/(config\/schema|services\/ports|http\/(messages(\/en)?|view-models)|domain\/evaluate)\.ts/.test(
            entry,
          ),
      );
    expect(long).toEqual([]);
  });

  test('no any, no non-null assertion, no ignored type error', () => {
    expect(using(/:\s*any\b|\bas any\b|<any>/, /^$/)).toEqual([]);
    const ignored = sources.filter(({ text }) => /@ts-(ignore|expect-error|nocheck)/.test(text));
    expect(ignored.map(({ file }) => file)).toEqual([]);
  });
});

/** Files whose code, without comments and strings, has the pattern; but the owner's. */
function using(pattern: RegExp, owner: RegExp): string[] {
  return sources.filter(({ file, code }) => !owner.test(file) && pattern.test(code)).map(({ file }) => file);
}

function load(folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .filter((file) => !file.startsWith('src/generated/'))
      .map(read),
  );
}

function read(file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const bare = withoutComments(text);
  const imports = [...bare.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g)].map(
    ([, path = '']) => path,
  );
  const texts = [...bare.matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g)].map(([each]) =>
    each.replace(/\$\{[^}]*\}/g, ''),
  );
  return { file, text, texts, imports, code: bare.replace(/'(?:[^'\\\n]|\\.)*'/g, "''") };
}

/** Comments go, strings stay: one pass, so that neither is mistaken for the other. */
function withoutComments(text: string): string {
  return text.replace(/('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![\\/])\/\/[^\n]*/g, '$1');
}

/** A relative import's target, from the root. */
function local(file: string, path: string): string[] {
  return path.startsWith('.') ? [join(dirname(file), path).replaceAll('\\', '/')] : [];
}

function within(file: string, part: string): boolean {
  return file === part || file.startsWith(`${part}/`);
}
