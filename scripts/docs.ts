/** `npm run docs`: writes the generated pages. */
import { writeFileSync } from 'node:fs';
import { configurationPage, errorsPage } from './docs-pages.ts';

writeFileSync('docs/configuration.md', configurationPage());
writeFileSync('docs/errors.md', errorsPage());
