/** `npm run docs`: writes the generated pages, and the schemas for editors. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configurationPage, errorsPage } from './docs-pages.ts';
import { policyPage, policySchemas } from './docs-policy.ts';

writeFileSync('docs/configuration.md', configurationPage());
writeFileSync('docs/errors.md', errorsPage());
writeFileSync('docs/policy.md', policyPage(readFileSync('docs/policy.md', 'utf8')));
mkdirSync('schema', { recursive: true });
for (const [file, text] of Object.entries(policySchemas())) writeFileSync(file, text);
