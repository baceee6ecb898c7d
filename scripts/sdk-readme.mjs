/**
 * Run beside the packed SDK by sdk-pack.mjs: an Express app made of the README's own blocks, called as its clients would.
 * The README's issuer is nowhere on the network: a test issuer of that name answers.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createTestIssuer } from '@stile/sdk/testing';

const issuer = await createTestIssuer({
  issuer: 'https://id.example.com',
  audience: 'https://api.example.com',
});
const network = globalThis.fetch;
globalThis.fetch = (url, init) =>
  String(url).startsWith(issuer.issuer) ? issuer.fetch(String(url), init) : network(url, init);

const { app } = await import('./app.js');
await calling(app, async (call) => {
  const scope = 'transfers:write';
  assert.deepEqual(await call('/transfers'), [401, 'Bearer', {}]);
  const [status, challenge] = await call('/transfers', await issuer.mint({ scope }));
  assert.equal(status, 401);
  assert.match(challenge, /insufficient_user_authentication.*acr_values="phr", max_age="300", scope="tr/);
  assert.equal((await call('/transfers', await issuer.mint({ acr: 'phr' })))[0], 403);
  const strong = await issuer.mint({ acr: 'phr', scope, sub: 'ada' });
  assert.deepEqual(await call('/transfers', strong), [200, null, { paidBy: 'ada' }]);
  const weak = await issuer.mint();
  assert.equal((await call('/payments', weak, { amount: 1000 }))[0], 200);
  assert.equal((await call('/payments', weak, { amount: 1001 }))[0], 401);
  assert.equal((await call('/payments', strong, { amount: 1001 }))[0], 200);
});

const tested = await import('./testing.js');
await calling(tested.app, async (call) => {
  assert.equal((await call('/transfers', tested.weak))[0], 401);
  assert.equal((await call('/transfers', tested.strong))[0], 200);
  assert.equal((await call('/transfers', tested.old))[0], 401);
});

async function calling(handler, work) {
  const server = handler.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${server.address().port}`;
  const call = async (path, token, body = {}) => {
    const headers = {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(address + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return [response.status, response.headers.get('www-authenticate'), await response.json()];
  };
  await work(call).finally(() => server.close());
}
