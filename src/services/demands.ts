/** What configuration and a client's own metadata demand, in the shape `domain/requirement` takes. */
import type { Config } from '../config/schema.ts';
import type { DeclaredDemands, Demand } from '../domain/requirement.ts';

type DemandConfig = Pick<Config['scopes'][string], 'acr' | 'maxAge' | 'narrow' | 'reason'>;

/** Our own client metadata: kept under `stile` beside the registered ones. */
export interface ClientMetadata {
  readonly firstParty: boolean;
  readonly defaultAcrValues?: readonly string[];
  readonly defaultMaxAge?: number;
  readonly minimum?: Demand;
  /** Resource identifiers whose tokens the client may introspect. */
  readonly introspect?: readonly string[];
  /** Scopes the client may ask for, those of resources included; absent: all. */
  readonly scopes?: readonly string[];
}

export type DemandTable = Omit<DeclaredDemands, 'client'> & {
  /** Scopes that client credentials may have although they have a requirement. */
  readonly anySubject: ReadonlySet<string>;
};

/** Collected once per configuration. */
export function demandTable(
  config: Pick<Config, 'scopes' | 'resources' | 'authorizationDetails'>,
): DemandTable {
  const scopes = Object.assign({}, config.scopes, ...config.resources.map((resource) => resource.scopes));
  return {
    scopes: pickDemands(scopes),
    resources: pickDemands(
      Object.fromEntries(
        config.resources.flatMap(({ identifier, demand }) => (demand ? [[identifier, demand]] : [])),
      ),
    ),
    detailTypes: pickDemands(config.authorizationDetails),
    anySubject: new Set(
      Object.entries<Config['scopes'][string]>(scopes).flatMap(([name, { subject }]) =>
        subject === 'any' ? [name] : [],
      ),
    ),
  };
}

function pickDemands(entries: Readonly<Record<string, DemandConfig>>): Record<string, Demand> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, entry]) => {
      const demand = demandOf(entry);
      return demand ? [[name, demand]] : [];
    }),
  );
}

/** A configured demand without its empty fields; undefined when it asks for nothing. */
export function demandOf(entry: DemandConfig): Demand | undefined {
  const { acr, maxAge, narrow, reason } = entry;
  if (acr === undefined && maxAge === undefined) return undefined;
  return {
    ...(acr ? { acr } : {}),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(narrow ? { narrow } : {}),
    ...(reason ? { reason } : {}),
  };
}

/** The declared demands as one client's requests meet them. */
export function demandsFor(table: DemandTable, client: ClientMetadata): DeclaredDemands {
  const { defaultAcrValues, defaultMaxAge, minimum } = client;
  return {
    ...table,
    client: {
      ...(defaultAcrValues ? { defaultAcrValues } : {}),
      ...(defaultMaxAge === undefined ? {} : { defaultMaxAge }),
      ...(minimum ? { minimum } : {}),
    },
  };
}
