/**
 * Rendering: EJS templates read and compiled once at start. Values are always escaped; templates output nothing
 * raw but each other.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ejs from 'ejs';
import { createTranslator, en, type Messages, type Translator } from './messages.ts';
import type { Assets } from './static.ts';
import * as texts from './texts.ts';
import type { ViewModel } from './view-models.ts';

export interface RendererOptions {
  /** The folder `views`. */
  readonly directory: string;
  /** The organisation's name. */
  readonly site: string;
  readonly assets: Pick<Assets, 'url'>;
  /** By language tag; the first is the default. */
  readonly languages?: Readonly<Record<string, Messages>>;
}

export interface Renderer {
  /** The whole HTML document. `languages` in order of preference, such as `ui_locales` or Accept-Language. */
  render(page: ViewModel, languages?: readonly string[]): string;
}

type Locals = Readonly<Record<string, unknown>>;
type Template = (locals: Locals) => string;

/** Reads and compiles every template. Throws on a template that does not compile. */
export async function createRenderer(options: RendererOptions): Promise<Renderer> {
  const templates = await loadTemplates(options.directory);
  const catalogues = Object.entries(options.languages ?? { en });
  const translators = catalogues.map(([language, messages]) => createTranslator(messages, language));
  const [standard] = translators;
  if (!standard) throw new Error('no language');
  return {
    render(page, languages = []) {
      const wanted = languages.map((tag) => translators.find(({ language }) => language === tag));
      const translator = wanted.find((found) => found !== undefined) ?? standard;
      return template(templates, 'layout')(pageLocals(options, page, translator));
    },
  };
}

async function loadTemplates(directory: string): Promise<ReadonlyMap<string, Template>> {
  const templates = new Map<string, Template>();
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.ejs'));
  const sources = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  for (const [index, source] of sources.entries()) {
    const name = (names[index] ?? '').replaceAll('\\', '/').replace(/\.ejs$/, '');
    templates.set(name, compile(source, name, templates));
  }
  return templates;
}

/** In strict mode without `with`: a template sees its locals as `v`, and the others through `v.include(name)`. */
function compile(source: string, name: string, templates: ReadonlyMap<string, Template>): Template {
  const run = ejs.compile(source, {
    strict: true,
    _with: false,
    localsName: 'v',
    filename: name,
    rmWhitespace: true,
  });
  return (locals) => {
    const include = (other: string, extra: Locals = {}) =>
      template(templates, other)({ ...shared(locals), ...extra });
    return run({ ...locals, include });
  };
}

function template(templates: ReadonlyMap<string, Template>, name: string): Template {
  const found = templates.get(name);
  if (!found) throw new Error(`no template ${name}`);
  return found;
}

/** What every template can see; a partial sees nothing else of the one that includes it. */
function shared({ page, title, helpers }: Locals): Locals {
  return { page, title, helpers, ...(helpers as Locals) };
}

function pageLocals(options: RendererOptions, page: ViewModel, translator: Translator): Locals {
  const { t, words } = translator;
  const problem = 'problem' in page && page.problem ? texts.problemText(page.problem, translator) : null;
  const client = 'client' in page && page.client ? page.client.name : options.site;
  const helpers = {
    t,
    words,
    language: translator.language,
    site: options.site,
    asset: options.assets.url,
    client,
    problem,
    reasons: 'reasons' in page ? texts.reasonTexts(page.reasons ?? [], client, translator) : [],
    needs: page.page === 'step-up' ? texts.needsText(page.needs, translator) : '',
    retry: (seconds?: number) => texts.retryText(seconds, translator),
    scopeText: (scope: Parameters<typeof texts.scopeText>[0]) => texts.scopeText(scope, translator),
    factorName: (factor: Parameters<typeof texts.factorName>[0]) => texts.factorName(factor, translator),
    deviceName: (device: Parameters<typeof texts.deviceName>[0]) => texts.deviceName(device, translator),
    moment: (seconds: number, day = false) => texts.moment(seconds, day, translator),
    qrImage: texts.qrImage,
    grouped: texts.grouped,
    safeHref: texts.safeHref,
  };
  return { page, title: texts.titleOf(page, translator), helpers, ...helpers };
}
