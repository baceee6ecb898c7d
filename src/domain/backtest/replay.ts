/** One recorded decision beside what the draft would have made of it. */
import type { RecordedDecision } from '../decision.ts';
import type { Level } from '../level.ts';
import type { PolicyDecision } from '../policy/decide.ts';
import type { PolicyEvent } from '../policy/facts.ts';
import type { Policy, RuleMatch } from '../policy/policy.ts';
import { createDraft } from './draft.ts';
import { createJudge } from './memo.ts';
import { type Added, isBlocked, type Judge, type Standing } from './standing.ts';

/** An audit event that holds a decision. */
export interface DecisionEvent {
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly type: string;
  readonly accountId: string | null;
  readonly clientId: string | null;
  readonly sessionUid: string | null;
  readonly decision: RecordedDecision;
}

export interface Replayed {
  readonly event: string;
  readonly at: number;
  /** YYYY-MM-DD in the draft's time zone. */
  readonly date: string;
  readonly kind: PolicyEvent;
  /** The authorization itself: nothing follows in its transaction. */
  readonly last: boolean;
  readonly account: string;
  readonly username: string;
  readonly groups: readonly string[];
  readonly client: string;
  readonly session: string | null;
  readonly transaction: string;
  readonly before: Standing;
  /** `unknown`: it depends on facts that were not recorded. */
  readonly after: Standing | 'unknown';
  readonly matchedBefore: readonly RuleMatch[];
  readonly matched: readonly RuleMatch[];
  /** Rules of the draft without which nobody would be prompted, or blocked, or refused, here. */
  readonly alone: readonly string[];
  /** Rules of the draft whose facts were not recorded. */
  readonly unsure: readonly string[];
}

export type Replay = (event: DecisionEvent) => Replayed;

export function createReplay(policy: Policy, levels: readonly Level[], judge?: Judge): Replay {
  const draft = createDraft(policy);
  const standing = judge ?? createJudge(levels);
  return (event) => {
    const { decision, accountId, clientId, sessionUid } = event;
    const { account, client, request } = decision.facts;
    const answer = draft(decision);
    const before = standing(decision, decision.policy);
    const added = addedBy(answer.decision);
    const idle = addsNothing(added) && addsNothing(decision.policy);
    const least = idle ? before : standing(decision, added);
    const sure = answer.unsure.length === 0 || standing(decision, addedBy(answer.worst)) === least;
    return {
      event: event.id,
      at: event.at,
      kind: request.event,
      last: event.type === 'authorization',
      account: accountId ?? account.id,
      username: account.username,
      groups: account.groups,
      client: clientId ?? client.id,
      session: sessionUid,
      transaction: decision.transaction,
      date: answer.date,
      before,
      after: sure ? least : 'unknown',
      matchedBefore: decision.policy.matched,
      matched: answer.decision.matched,
      alone: sure ? aloneIn(answer.decision, { least, judge: (less) => standing(decision, less) }) : none,
      unsure: answer.unsure.length === 0 ? none : answer.unsure.map(({ name }) => name),
    };
  };
}

const none: readonly string[] = [];

function addsNothing({ clauses, deny }: Added): boolean {
  return clauses.length === 0 && !deny;
}

function addedBy({ clauses, deny }: PolicyDecision): Added {
  return { clauses, deny: deny !== undefined };
}

interface Outcome {
  readonly least: Standing;
  readonly judge: (less: Added) => Standing;
}

/** A clause bears its rule's name; of several denials none is alone. */
function aloneIn({ clauses, deny, matched }: PolicyDecision, { least, judge }: Outcome): readonly string[] {
  if (least === 'passes') return none;
  const felt = matched.filter(({ mode, effect }) => mode === 'enforce' && effect !== 'notify');
  const denials = felt.filter(({ effect }) => effect === 'deny').length;
  return felt.flatMap(({ rule, effect }) => {
    const denied = deny !== undefined && !(effect === 'deny' && denials === 1);
    const others = clauses.filter(({ name }) => name !== rule);
    const without = judge({ clauses: others, deny: denied });
    const less = isBlocked(least) ? !isBlocked(without) : without === 'passes';
    return less ? [rule] : [];
  });
}
