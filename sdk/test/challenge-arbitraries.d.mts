import type { Arbitrary } from 'fast-check';

export declare const validField: Arbitrary<{
  readonly text: string;
  readonly parsed: readonly unknown[];
}>;
export declare const anyField: Arbitrary<string>;
