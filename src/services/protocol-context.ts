/**
 * What the protocol store needs to know of the request it serves. `oidc` implements it; `infra` only reads it, so
 * that neither knows the other.
 */

import type { AssuranceFacts, AssuranceRecord } from './ports/assurance.ts';
import type { Account, Credential } from './ports/people.ts';
import type { TokenOrigin } from './ports/policy.ts';

/** A stored code or token as found, with the record it rests on. */
export interface FoundArtifact {
  readonly model: string;
  readonly recordId: string | null;
  readonly sessionUid: string | null;
  readonly record: StoredAssurance | null;
  /** Whose it is, as stored now. */
  readonly account: Account | null;
  /** Of a refresh token: the account's, as stored now. */
  readonly credentials: readonly Credential[] | null;
  /** Of a refresh token: where it was issued to, as its own use or its predecessor's. */
  readonly from: TokenOrigin | null;
}

/** The part of a record that issuance reads. */
export interface StoredAssurance {
  readonly id: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: number;
  readonly proofs: AssuranceRecord['proofs'];
  readonly createdAt: number;
  readonly transactionId: string | null;
}

export interface ProtocolContext {
  /** What the store remembers for the length of one request; undefined outside one. */
  memo(): Map<string, unknown> | undefined;
  /** Name of the endpoint being served; undefined outside a request. */
  route(): string | undefined;
  /** The client that an authorization request names, before anything was checked. */
  clientNamed(): string | undefined;
  /** Told what is known of the session's person when that client asks. */
  knows(clientId: string, facts: AssuranceFacts): void;
  /** The record to write together with the code now being built. Throws when there is none: no code without one. */
  pendingRecord(): AssuranceRecord;
  /** The record that a token now being stored rests on; null for client credentials. */
  currentRecordId(): string | null;
  found(artifact: FoundArtifact): void;
  /** Told when a code or refresh token had been used before, so that its chain ends now. */
  reused(): void;
  /** The old id of a session whose id is being rotated in this request. */
  isRotation(sessionId: string): boolean;
  /** Told when the cookie names an id that was superseded less than a minute ago. */
  superseded(): void;
  isSuperseded(): boolean;
  /** Device facts for the session list. */
  device(): {
    readonly browserHash: string | null;
    readonly userAgent: string | null;
    readonly address: string | null;
  };
  /** Where this request comes from, as a token remembers it. */
  origin(): TokenOrigin;
  /** acr last issued, to be remembered by the session now being saved: [client id, acr]. */
  issued(): readonly [string, string] | undefined;
  /** Levels' last activity, to be remembered by the session now being saved. */
  idle(): Readonly<Record<string, number>> | undefined;
}
