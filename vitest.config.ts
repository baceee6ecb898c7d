import { defineConfig } from 'vitest/config';

const report = process.env['TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'sdk/test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Database and browser live in processes of their own; more workers than cores only makes them slower.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // The provider's notice about Node 20: our own, plainer one is shown at start.
    onConsoleLog: (text) => (text.includes('Unsupported runtime') ? false : undefined),
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    unstubEnvs: true,
    restoreMocks: true,
  },
});
