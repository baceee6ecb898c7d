import type { StileError } from '../../domain/errors.ts';
import type { Step } from '../../services/step-up.ts';
import type { InteractionDeps, Visit } from './visit.ts';
export async function showEnrolment(_d: InteractionDeps, _v: Visit, _s: Extract<Step,{name:'enrol'}>, _f?: StileError): Promise<void> { throw new Error('enrol'); }
export async function finishEnrolment(_d: InteractionDeps, _v: Visit, _m: 'totp'|'passkey'): Promise<void> { throw new Error('enrol'); }
