/**
 * Renders every page with sample data into a folder, to be looked at. From the project's folder, after a build:
 *
 *   node dist/scripts/preview-views.js test-results/views
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAssets } from '../src/http/static.ts';
import { createRenderer } from '../src/http/views.ts';
import { samplePages } from '../test/support/sample-pages.ts';

const [folder = 'test-results/views'] = process.argv.slice(2);
const directory = join(process.cwd(), 'views');
const assets = await loadAssets(join(directory, 'assets'));
const renderer = await createRenderer({
  directory,
  site: 'Harbour Group',
  assets: { url: (name) => assets.url(name).slice(1).replace(/\?.*/, '') },
});

await mkdir(folder, { recursive: true });
await cp(join(directory, 'assets'), join(folder, 'assets'), { recursive: true });
for (const [name, page] of Object.entries(samplePages)) {
  await writeFile(join(folder, `${name}.html`), renderer.render(page));
}
console.log(`${Object.keys(samplePages).length} pages in ${folder}`);
