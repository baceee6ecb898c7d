/** What the benchmark's processes agree on. */
export const BENCH_SECRET = 'bench-secret-bench-secret-bench-secret';
export const BENCH_API = 'http://127.0.0.1:9998';
export const BENCH_CALLBACK = 'http://127.0.0.1:9/callback';
export const BENCH_PASSWORD = 'a password for the benchmark';
