/** Authorizations that are under way for calls. */
import { demandKey, type StepUp } from '../shared/step-up.ts';
import type { BeginOptions, Client } from './client.ts';
import { StepUpError } from './errors.ts';
import type { Authorization, KeptRequest, Obtain, Progress, Tokens } from './types.ts';

export interface FlightDeps {
  readonly client: Client;
  readonly options: { readonly obtain?: Obtain };
  /** One authorization at a time for one person and demand. */
  readonly flights: Map<string, Flight>;
}

export interface Flight {
  readonly work: Promise<Tokens>;
  readonly asked: () => boolean;
  readonly abort: () => void;
}

interface Wish {
  readonly kept: KeptRequest;
  readonly progress: Progress;
}

/** By the application's `obtain`, one at a time for one demand; without it the browser has to go first. */
export function obtain(deps: FlightDeps, { kept, progress }: Wish, stepUp?: StepUp): Promise<Tokens> {
  const { client, options, flights } = deps;
  const { context, followed, sub } = progress;
  const named = context === undefined ? {} : { context };
  const pin = sub === undefined ? {} : { sub };
  const wanted: BeginOptions = { ...named, ...pin, followed, request: kept, samePerson: true };
  const begin = () => client.begin({ ...wanted, ...(stepUp ? { stepUp } : {}) });
  const { obtain: ask } = options;
  if (!ask) return begin().then(({ url }) => Promise.reject(required(url, stepUp)));
  const key = JSON.stringify([sub ?? null, stepUp ? demandKey(stepUp) : null]);
  const running = flights.get(key);
  if (running && !(running.asked() && ask.isLeft?.())) return running.work;
  running?.abort();
  const flight = startFlight(deps, begin, ask);
  flights.set(key, flight);
  const land = () => {
    if (flights.get(key) === flight) flights.delete(key);
  };
  flight.work.then(land, land);
  return flight.work;
}

function startFlight({ client }: FlightDeps, begin: () => Promise<Authorization>, ask: Obtain): Flight {
  const controller = new AbortController();
  let asked = false;
  const work = begin().then(async (authorization) => {
    asked = true;
    return client.complete(await ask({ ...authorization, signal: controller.signal }));
  });
  return {
    work: work.then(({ tokens }) => tokens),
    asked: () => asked,
    abort: () => controller.abort(),
  };
}

function required(url: string, stepUp: StepUp | undefined): StepUpError {
  const details = { url, ...(stepUp ? { stepUp } : {}) };
  return new StepUpError('authorization_required', 'The browser has to go to the issuer first', details);
}
