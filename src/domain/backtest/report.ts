/** What a backtest reports. Plain data, as `--json` prints it; docs/policy-tryout.md describes every member. */
import type { Effect, Mode } from '../policy/policy.ts';

/** How often each thing changes; `unknown`: how often nobody can say. */
export interface Changes {
  readonly extraPrompts: number;
  readonly fewerPrompts: number;
  readonly extraBlocks: number;
  readonly fewerBlocks: number;
  readonly extraRefusals: number;
  readonly fewerRefusals: number;
  readonly unknown: number;
}

export type Change = keyof Changes;

export const changeNames = [
  'extraPrompts',
  'fewerPrompts',
  'extraBlocks',
  'fewerBlocks',
  'extraRefusals',
  'fewerRefusals',
  'unknown',
] as const satisfies readonly Change[];

/** Where a number comes from. */
export interface Sample {
  readonly event: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly account: string;
  readonly client: string;
  readonly session: string | null;
  readonly transaction: string;
}

/** How many there were, of decisions that are known on both sides. */
export interface Totals {
  readonly prompts: number;
  readonly blocks: number;
  readonly refusals: number;
}

export interface DayRow extends Changes {
  /** YYYY-MM-DD in the policy's time zone. */
  readonly date: string;
  readonly decisions: number;
  readonly recorded: Totals;
  readonly draft: Totals;
}

export interface PersonRow extends Changes {
  readonly account: string;
  readonly username: string;
  readonly samples: readonly Sample[];
}

export interface GroupRow extends Changes {
  /** A client's id or a group's name; '' in a row of `others`. */
  readonly name: string;
  readonly decisions: number;
  readonly samples: readonly Sample[];
}

export interface RuleRow {
  readonly name: string;
  /** Of the draft; null: the rule is only in what was recorded. */
  readonly effect: Effect['kind'] | null;
  readonly mode: Mode | null;
  /** Decisions it matches, and those it matched when they were made. */
  readonly matched: number;
  readonly matchedBefore: number;
  /** Of `matched`, those in which its condition failed. */
  readonly failed: number;
  /** Decisions whose facts it asks for were not recorded. */
  readonly unknown: number;
  /** Without it there would be no prompt, no block, no refusal. */
  readonly promptsAlone: number;
  readonly blocksAlone: number;
  readonly refusalsAlone: number;
  readonly samples: readonly Sample[];
}

export interface People {
  /** Distinct people, in all decisions and in those that change. */
  readonly seen: number;
  readonly affected: number;
  /** False: there are more than were counted, and these numbers are the least. */
  readonly exact: boolean;
  /** By extra prompts, the most first. */
  readonly most: readonly PersonRow[];
  /** Blocked by the draft, and not before, for lack of a factor. */
  readonly lockedOut: { readonly count: number; readonly some: readonly PersonRow[] };
  /** How many people have so many extra prompts; `to` null: and more. */
  readonly spread: readonly { readonly from: number; readonly to: number | null; readonly people: number }[];
}

export interface BacktestReport {
  readonly v: 1;
  readonly policy: { readonly version: string; readonly timeZone: string; readonly rules: number };
  /** Epoch seconds of the first and last decision; null where there is none. */
  readonly first: number | null;
  readonly last: number | null;
  readonly decisions: {
    /** One for each transaction and refresh. */
    readonly counted: number;
    readonly authorizations: number;
    readonly refreshes: number;
    readonly accountChanges: number;
    /** Events read, and those of them that hold no decision of a known form. */
    readonly events: number;
    readonly unreadable: number;
  };
  readonly recorded: Totals;
  readonly draft: Totals;
  readonly changes: Changes;
  readonly perDay: readonly DayRow[];
  readonly people: People;
  readonly rules: readonly RuleRow[];
  readonly clients: readonly GroupRow[];
  readonly groups: readonly GroupRow[];
  /** Some of the decisions behind each number of `changes`; `--list` prints all. */
  readonly samples: Readonly<Record<Change, readonly Sample[]>>;
}
