/**
 * The Harbour Bank's API: an OAuth 2.0 resource server that demands step-up authentication by amount.
 *
 *   GET /account          scope accounts:read
 *   PUT /transfers/{id}   scope transfers:write, body {"to", "amount"}; amount in cents; idempotent by id
 */
import { callerOf, protect, requireStepUp, subjectOf } from '@stile/sdk/koa';
import Koa, { type Context } from 'koa';
import { z } from 'zod';
import { demandOf } from './api/demand.ts';
import { createLedger, type Ledger } from './api/ledger.ts';
import { answerFaults, readJson, route } from './api/web.ts';
import { HttpError, type RunningServer, serve } from './shared/http.ts';
import { MOST_CENTS } from './shared/money.ts';

export interface ApiOptions {
  readonly issuer: string;
  /** The resource indicator tokens must carry in `aud`. Default: the API's own URL. */
  readonly resource?: string;
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  /** Epoch seconds. Default: the machine's clock. */
  readonly now?: () => number;
}

export function startApi(options: ApiOptions): Promise<RunningServer> {
  const { issuer, resource, host = '127.0.0.1', port } = options;
  const { now = () => Math.floor(Date.now() / 1000) } = options;
  const ledger = createLedger();
  return serve({ host, port }, (url) => {
    const app = new Koa();
    app.use(answerFaults);
    app.use(protect({ issuer, audience: resource ?? url, realm: 'harbour-bank', subject: 'person', now }));
    app.use(
      route('GET', /^\/account$/, requireStepUp({ scope: ['accounts:read'] }), (context) => {
        context.body = accountOf(ledger, subjectOf(callerOf(context)), now());
      }),
    );
    app.use(
      route('PUT', /^\/transfers\/[^/]+$/, requireStepUp(demandOfTransfer), (context) => {
        pay(ledger, context, now());
      }),
    );
    app.use(() => {
      throw new HttpError(404, 'There is nothing at this address.');
    });
    return app.callback();
  });
}

function accountOf(ledger: Ledger, owner: string, now: number) {
  const { balance, movements } = ledger.account(owner, now);
  const list = movements.slice(0, 10).map(({ cents, ...movement }) => ({ ...movement, amount: cents }));
  return { balance, currency: 'EUR', movements: list };
}

const orderShape = z.object({
  id: z.uuid(),
  body: z.strictObject({
    to: z.string().trim().min(1).max(60),
    amount: z.number().int().min(1).max(MOST_CENTS),
  }),
});

type Order = z.output<typeof orderShape>;

/** Reads the order for the handler, too: a body can be read once. */
async function demandOfTransfer(context: Context) {
  const given = { id: context.path.split('/')[2], body: await readJson(context.req) };
  const order = orderShape.safeParse(given);
  if (!order.success) throw new HttpError(400, 'Send {"to", "amount"} to /transfers/{uuid}.');
  context.state['order'] = order.data;
  return demandOf(order.data.body.amount);
}

const refusals = {
  conflict: () => new HttpError(409, 'This transfer id was used for another transfer.'),
  insufficient_funds: () => new HttpError(422, 'There is not enough money in the account.'),
};

function pay(ledger: Ledger, context: Context, at: number): void {
  const { id, body } = context.state['order'] as Order;
  const caller = callerOf(context);
  const payment = ledger.pay(subjectOf(caller), { id, to: body.to, cents: body.amount, at });
  if (!('transfer' in payment)) throw refusals[payment.kind]();
  const { cents, ...transfer } = payment.transfer;
  const { acr, amr, authTime } = caller;
  const authentication = { acr, amr, auth_time: authTime };
  context.status = payment.kind === 'paid' ? 201 : 200;
  context.body = { ...transfer, amount: cents, balance: payment.balance, authentication };
}
