/** Writing the audit trail: every decision and every change is one event, in the transaction it describes. */
import type { AuditEvent, AuditFacts, AuditSubject } from '../domain/events.ts';
import type { AuditStore } from './ports/audit.ts';
import type { Clock, Random } from './ports/machine.ts';

export interface AuditDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditStore;
}

/** What happened, by whom; whatever is not known is null. */
export type AuditEntry = AuditFacts & Partial<AuditSubject>;

/** Appends one event, with its id and time. `data` holds no secret. */
export async function record(deps: AuditDeps, entry: AuditEntry): Promise<void> {
  await deps.audit.append({
    accountId: null,
    clientId: null,
    sessionUid: null,
    correlationId: null,
    data: {},
    ...entry,
    id: deps.random.sortableId(),
    at: deps.clock.now(),
  } as AuditEvent);
}
