/** The SDK as it is written, not as it was compiled: what is changed is what is tested. */
export * from '../src/client/index.ts';
