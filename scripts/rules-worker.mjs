/**
 * One copy of the tree with one vitest, kept running between mutations. Told by its parent what to change and which
 * tests to run; answers with their results. Ends, and removes the copy, when the parent does.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVitest } from 'vitest/node';

const copy = process.cwd();
const vitest = await createVitest('test', {
  root: copy,
  watch: false,
  reporters: [{}],
  passWithNoTests: true,
});

process.on('message', async ({ job, files, titles, change }) => {
  const tests = await run(files, titles, change).catch((error) => ({ error: String(error?.stack ?? error) }));
  process.send?.({ job, tests });
});
process.once('disconnect', end);
process.once('SIGINT', () => {}); // the parent decides
process.send?.({ ready: true });

async function run(files, titles, change) {
  const undo = change && apply(change);
  try {
    vitest.setGlobalTestNamePattern(new RegExp(titles.map(escaped).join('|')));
    const specifications = await vitest.globTestSpecifications(files);
    const { testModules } = await vitest.runTestSpecifications(specifications);
    return testModules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        file: module.relativeModuleId ?? module.moduleId,
        name: test.fullName,
        status: test.result().state,
      })),
    );
  } finally {
    undo?.();
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
