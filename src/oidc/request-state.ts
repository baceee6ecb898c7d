/**
 * What one protocol request learns on its way: held beside the library's context, never on it.
 */
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { RecordedDecision } from '../domain/decision.ts';
import type { AuditFacts, AuditSubject } from '../domain/events.ts';
import type { Notice } from '../services/notices.ts';
import type { AssuranceFacts, AssuranceRecord } from '../services/ports/assurance.ts';
import type { Device, TokenOrigin } from '../services/ports/policy.ts';
import type { FoundArtifact, ProtocolContext } from '../services/protocol-context.ts';

export interface RequestState {
  /** The record the next code will rest on. */
  pending?: AssuranceRecord;
  active?: Readonly<Record<string, number>>;
  /** The code or token this request presented. */
  found?: FoundArtifact;
  /** It had been used before. */
  reused?: boolean;
  /** What is known of the session's person, read once. */
  facts?: AssuranceFacts;
  /** The client that the facts are for. */
  factsFor?: string;
  /** What the policy was told and said, for the audit. */
  decision?: RecordedDecision | undefined;
  /** To be mailed once the request's transaction is committed. */
  notice?: Notice;
  /** What was read has changed before anything could be written. */
  changed?: boolean;
  superseded?: boolean;
  memo?: Map<string, unknown>;
  /** To be written in the transaction of this request. */
  audit?: AuditFacts & Omit<AuditSubject, 'correlationId'>;
  /** A fault the library turned into `server_error`: the HTTP layer rolls back and answers it. */
  failure?: unknown;
}

const states = new WeakMap<object, RequestState>();

/** The state of a request; keyed by its Node request, which every context of it shares. */
export function requestState(ctx: { readonly req: object }): RequestState {
  let state = states.get(ctx.req);
  if (!state) {
    state = {};
    states.set(ctx.req, state);
  }
  return state;
}

function current(): KoaContextWithOIDC | undefined {
  return Provider.ctx as KoaContextWithOIDC | undefined;
}

function currentState(): RequestState | undefined {
  const ctx = current();
  return ctx && requestState(ctx);
}

/** The library's request context as the protocol store sees it. */
export function createProtocolContext(originOf: (device: Device) => TokenOrigin): ProtocolContext {
  return {
    memo: () => {
      const state = currentState();
      if (!state) return undefined;
      state.memo ??= new Map();
      return state.memo;
    },
    route: () => current()?.oidc?.route,
    clientNamed: () => {
      const named = current()?.query['client_id'];
      return typeof named === 'string' ? named : undefined;
    },
    knows: (clientId, facts) => {
      const state = currentState();
      if (state) Object.assign(state, { facts, factsFor: clientId });
    },
    pendingRecord: () => {
      const pending = currentState()?.pending;
      if (!pending) throw new Error('a code was about to be issued without an assurance record');
      return pending;
    },
    currentRecordId: () => currentState()?.found?.recordId ?? null,
    found: (artifact) => {
      const state = currentState();
      if (state) state.found = artifact;
    },
    reused: () => {
      const state = currentState();
      if (state) state.reused = true;
    },
    isRotation: (id) => {
      const session = current()?.oidc?.session as { oldId?: string; id?: string } | undefined;
      return session?.oldId === id && session.id !== id;
    },
    superseded: () => {
      const state = currentState();
      if (state) state.superseded = true;
    },
    isSuperseded: () => currentState()?.superseded === true,
    device: () => deviceOf(current()),
    origin: () => originOf(deviceOf(current())),
    issued: () => {
      const pending = currentState()?.pending;
      return pending && [pending.clientId, pending.acr];
    },
    idle: () => currentState()?.active,
  };
}

/** Facts about the browser, put on `ctx.state.device` by the HTTP layer; of a program at a token endpoint, what it says. */
export function deviceOf(ctx: KoaContextWithOIDC | undefined): Device {
  return (ctx?.state['device'] as Device | undefined) ?? programOf(ctx);
}

function programOf(ctx: KoaContextWithOIDC | undefined): Device {
  return {
    browserHash: null,
    userAgent: ctx?.get('User-Agent').slice(0, 300) || null,
    address: ctx?.ip || null,
    remembered: [],
  };
}
