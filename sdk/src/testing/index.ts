/** For an API's own tests: an issuer in this process, whose tokens are of whatever level a test needs. */
export { createDpopKey, type DpopKey } from './dpop-key.ts';
export { createTestIssuer, type Mint, type TestIssuer, type TestIssuerOptions } from './issuer.ts';
