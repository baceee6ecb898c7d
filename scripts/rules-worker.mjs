/**
 * One copy of the tree with one vitest, kept running between mutations. Told by its parent what to change and which
 * tests to run; answers with their results. Ends, and removes the copy, when the parent does.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVitest } from 'vitest/node';

const copy = process.cwd();
/** What the global set-up has read before a test begins: a change to it needs another set-up. */
const setUp = /^(prisma|test\/support)\//;

let vitest = await open();

process.on('message', async ({ job, files, titles, change }) => {
  const tests = await run(files, titles, change).catch((error) => ({ error: String(error?.stack ?? error) }));
  process.send?.({ job, tests });
});
process.once('disconnect', end);
process.once('SIGINT', () => {}); // the parent decides
process.send?.({ ready: true });

function open() {
  return createVitest('test', { root: copy, watch: false, reporters: [{}], passWithNoTests: true });
}

async function reopen() {
  await vitest.close();
  vitest = await open();
}

async function run(files, titles, change) {
  const again = change && setUp.test(change.file);
  const undo = change && apply(change);
  if (again) await reopen();
  try {
    vitest.setGlobalTestNamePattern(new RegExp(titles.map(escaped).join('|')));
    const specifications = await vitest.globTestSpecifications(files);
    const { testModules } = await vitest.runTestSpecifications(specifications);
    return testModules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        file: module.relativeModuleId ?? module.moduleId,
        // As `-t` sees it: suites and title with a space between them.
        name: test.fullName.replaceAll(' > ', ' '),
        status: test.result().state,
      })),
    );
  } finally {
    undo?.();
    if (again) await reopen();
  }
}

function apply({ file, search, replace }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const write = (content) => {
    writeFileSync(path, content);
    vitest.invalidateFile(path);
  };
  write(text.replace(search, () => replace));
  return () => write(text);
}

function escaped(title) {
  return title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

async function end() {
  await vitest.close().catch(() => {});
  rmSync(copy, { recursive: true, force: true });
  process.exit(0);
}
