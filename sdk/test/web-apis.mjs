/**
 * The contract's API where there is `Request` and `Response`: with the plain adapter, and with Hono. Plain, and given the
 * SDK, so that it runs in any runtime. `GET /` needs a token, `POST /pay` phr of late, `POST /amount` the same but for its
 * scope, above 100.
 */
export const PAY = { acr: ['phr'], maxAge: 300, scope: ['pay'] };
const WRITE = { ...PAY, scope: ['write'] };

export const byAmount = (body) => (Number(body?.amount) > 100 ? WRITE : undefined);

/** As a proxy in front would tell it. */
export const thumbprintIn = (headers) => headers.get('x-thumbprint') ?? undefined;

export const webApis = ({ plain, forHono, Hono }) => ({
  fetch: (protection) => {
    const check = plain.protect(protection, {
      certificateThumbprint: ({ headers }) => thumbprintIn(headers),
    });
    return async (request) => {
      const { pathname } = new URL(request.url);
      const body = request.method === 'POST' ? await request.clone().json() : undefined;
      const demand = pathname === '/pay' ? PAY : pathname === '/amount' ? byAmount(body) : undefined;
      const access = await check(request, demand);
      if (access instanceof Response) return access;
      return Response.json({ sub: access.caller.sub }, { headers: access.headers });
    };
  },
  hono: (protection) => {
    const { protect, requireStepUp, callerOf } = forHono;
    const app = new Hono();
    const answer = (c) => c.json({ sub: callerOf(c).sub });
    app.use(protect(protection, { certificateThumbprint: ({ req }) => thumbprintIn(req.raw.headers) }));
    app.get('/', answer);
    app.post('/pay', requireStepUp(PAY), answer);
    app.post(
      '/amount',
      requireStepUp(async (c) => byAmount(await c.req.json())),
      answer,
    );
    return (request) => app.fetch(request);
  },
});
