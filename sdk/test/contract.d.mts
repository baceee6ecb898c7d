export interface Places {
  readonly issuer: string;
  readonly api: string;
  readonly driver: string;
  readonly resource: string;
  readonly redirectUri: string;
}

export declare const rules: Readonly<Record<string, unknown>>;
export declare function contract(
  sdk: unknown,
  places: Places,
  only?: string,
): Promise<{ readonly rules: number; readonly faults: readonly string[] }>;
