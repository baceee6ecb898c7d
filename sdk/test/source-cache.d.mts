import type { Tokens } from '@stile/sdk/client';

export function tokenKey(tokens: Tokens): string;
export function withTokens(all: readonly Tokens[], added: Tokens): Tokens[];
export function satisfies(
  tokens: Tokens,
  need: {
    readonly demand: { readonly acrValues: string[]; readonly scope: string[]; readonly maxAge?: number };
    readonly implied: Readonly<Record<string, readonly string[]>>;
    readonly now: number;
  },
): boolean;
