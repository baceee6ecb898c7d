/**
 * Requirements: a list of clauses, one per source. All must hold, and the smallest maxAge counts.
 */

/** Where a demand comes from; shown to the person, written to the audit. */
export type ClauseSource =
  | 'claims'
  | 'userinfo'
  | 'acr_values'
  | 'max_age'
  | 'prompt'
  | 'client'
  | 'scope'
  | 'resource'
  | 'authorization_details'
  | 'policy'
  | 'account';

export interface Clause {
  readonly source: ClauseSource;
  /** Any one of these acr values or aliases, in order of preference. */
  readonly acr?: readonly string[];
  /** A voluntary claim guides the choice of level and never fails. */
  readonly voluntary?: boolean;
  /** Seconds; limits anchors. */
  readonly maxAge?: number;
  /** Count only proofs of this transaction (`prompt=login`, `max_age=0`). */
  readonly reauthenticate?: boolean;
  /** The scope, resource or type that asks. */
  readonly name?: string;
  /** A scope to drop instead of failing. */
  readonly narrow?: boolean;
  /** A key of the message catalogue, or the operator's own words. */
  readonly reason: string;
}

export interface Requirement {
  readonly clauses: readonly Clause[];
  readonly deny?: { readonly source: ClauseSource; readonly reason: string };
}

/** An `acr` claim that names values, if only an empty list of them (OpenID Connect Core 5.5.1.1). */
export interface AcrClaim {
  readonly source: 'claims' | 'userinfo';
  readonly essential: boolean;
  readonly values: readonly string[];
}

/** What an authorization request says about assurance, already parsed and checked. */
export interface RequestedAssurance {
  /** Space-separated `acr_values`, split; empty when absent. */
  readonly acrValues: readonly string[];
  /** `claims.id_token.acr` and `claims.userinfo.acr`. */
  readonly acrClaims?: readonly AcrClaim[];
  readonly maxAge?: number;
  readonly promptLogin: boolean;
  /** `prompt=none`. */
  readonly promptNone?: boolean;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly detailTypes: readonly string[];
  /** Parsed `authorization_details`, as sent. */
  readonly details?: readonly unknown[];
}

/** A demand declared in configuration on a client, scope, resource or authorization_details type. */
export interface Demand {
  readonly acr?: readonly string[];
  readonly maxAge?: number;
  readonly narrow?: boolean;
  readonly reason?: string;
}

/** What configuration and client metadata ask of a request. */
export interface DeclaredDemands {
  readonly client?: {
    readonly defaultAcrValues?: readonly string[];
    readonly defaultMaxAge?: number;
    readonly minimum?: Demand;
  };
  readonly scopes: Readonly<Record<string, Demand>>;
  readonly resources: Readonly<Record<string, Demand>>;
  readonly detailTypes: Readonly<Record<string, Demand>>;
}

/** All clauses of an authorization request, one per source. Pure. */
export function requirementOf(request: RequestedAssurance, declared: DeclaredDemands): Requirement {
  return {
    clauses: [
      ...requestClauses(request, declared.client),
      ...clientClauses(declared.client?.minimum),
      ...namedClauses('scope', request.scopes, declared.scopes),
      ...namedClauses('resource', request.resources, declared.resources),
      ...namedClauses('authorization_details', request.detailTypes, declared.detailTypes),
    ],
  };
}

function requestClauses(request: RequestedAssurance, client: DeclaredDemands['client']): Clause[] {
  const clauses = (request.acrClaims ?? []).flatMap(claimClause);
  // An acr_values parameter or an acr claim overrides the client's default (OpenID Connect Registration 2).
  const defaults = clauses.length > 0 ? [] : (client?.defaultAcrValues ?? []);
  const acrValues = request.acrValues.length > 0 ? request.acrValues : defaults;
  if (acrValues.length > 0) clauses.push({ source: 'acr_values', acr: acrValues, reason: 'reason.request' });
  const maxAge = request.maxAge ?? client?.defaultMaxAge;
  if (maxAge === 0)
    clauses.push({ source: 'max_age', reauthenticate: true, reason: 'reason.reauthenticate' });
  else if (maxAge !== undefined) clauses.push({ source: 'max_age', maxAge, reason: 'reason.recent' });
  if (request.promptLogin)
    clauses.push({ source: 'prompt', reauthenticate: true, reason: 'reason.reauthenticate' });
  return clauses;
}

/**
 * An essential claim whose list is empty is one that no value meets, and that is a failed authentication (OpenID Connect
 * Core 5.5.1.1); a voluntary one guides to nothing.
 */
function claimClause({ source, essential, values }: AcrClaim): Clause[] {
  const clause = { source, acr: values, reason: 'reason.request' } as const;
  if (essential) return [clause];
  return values.length > 0 ? [{ ...clause, voluntary: true }] : [];
}

function clientClauses(minimum: Demand | undefined): Clause[] {
  return minimum ? [demandClause('client', minimum)] : [];
}

function namedClauses(
  source: ClauseSource,
  names: readonly string[],
  demands: Readonly<Record<string, Demand>>,
): Clause[] {
  return [...new Set(names)].flatMap((name) => {
    const demand = Object.hasOwn(demands, name) ? demands[name] : undefined;
    return demand ? [{ ...demandClause(source, demand), name }] : [];
  });
}

/** The clause a declared demand makes: a maxAge of 0 is a proof made now. */
export function demandClause(source: ClauseSource, demand: Demand): Clause {
  return {
    source,
    reason: demand.reason ?? `reason.${source}`,
    ...(demand.acr ? { acr: demand.acr } : {}),
    ...(demand.maxAge === 0 ? { reauthenticate: true } : {}),
    ...(demand.maxAge ? { maxAge: demand.maxAge } : {}),
    ...(demand.narrow && source === 'scope' ? { narrow: true } : {}),
  };
}

/** The smallest maxAge of all clauses, in seconds; undefined when none has one. */
export function smallestMaxAge(clauses: readonly Clause[]): number | undefined {
  const ages = clauses.flatMap(({ maxAge }) => (maxAge === undefined ? [] : [maxAge]));
  return ages.length > 0 ? Math.min(...ages) : undefined;
}

/** Whether only proofs of the transaction count: `prompt=login`, or a maxAge of 0, which is the same. */
export function reauthenticates(clause: Clause): boolean {
  return clause.reauthenticate === true || clause.maxAge === 0;
}

/** Whether the clause limits the age of proofs. */
export function isTimed(clause: Clause): boolean {
  return clause.reauthenticate === true || clause.maxAge !== undefined;
}

/** A scope to be dropped rather than fail; no other clause ever is, whatever its declaration says. */
export function isNarrowable(clause: Clause): boolean {
  return clause.narrow === true && clause.source === 'scope' && clause.name !== undefined;
}

const precedence: readonly ClauseSource[] = [
  'claims',
  'userinfo',
  'acr_values',
  'max_age',
  'prompt',
  'client',
  'scope',
  'resource',
  'authorization_details',
  'policy',
  'account',
];

/** The clauses in one order, however they were merged: by source, then by name and content. */
export function inOrder(clauses: readonly Clause[]): Clause[] {
  return clauses
    .map((clause) => ({ clause, source: precedence.indexOf(clause.source), content: contentOf(clause) }))
    .sort((a, b) => a.source - b.source || (a.content < b.content ? -1 : 1))
    .map(({ clause }) => clause);
}

function contentOf({ name, acr, voluntary, maxAge, reauthenticate, narrow, reason }: Clause): string {
  return JSON.stringify([name, acr, voluntary, maxAge, reauthenticate, narrow, reason]);
}
