/** As `source.mjs`; the package does not export it. */
export * from '../src/client/cache.ts';
