#!/usr/bin/env node
/** The command line: the same services as the server, without HTTP. Exit codes: 0 done, 1 failed, 2 wrong usage. */
import { run } from './cli/run.ts';
import { processTerminal } from './cli/terminal.ts';

process.exitCode = await run(process.argv.slice(2), processTerminal());
