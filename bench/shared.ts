/** What the benchmark's processes agree on. */
export const BENCH_SECRET = 'bench-secret-bench-secret-bench-secret';
export const BENCH_API = 'http://127.0.0.1:9998';
export const BENCH_CALLBACK = 'http://127.0.0.1:9/callback';
export const BENCH_PASSWORD = 'a password for the benchmark';
/** What the image sets for Node, and in the environment. */
export const imageLimits = {
  node: ['--max-old-space-size=320', '--max-semi-space-size=8'],
  env: { MALLOC_ARENA_MAX: '2' },
};
