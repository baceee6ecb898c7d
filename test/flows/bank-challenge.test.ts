import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readChallenges, sameStepUp } from '../../examples/harbour-bank/client/challenge.ts';

/** A server that answers with the challenges the test wants, over real HTTP. */
let server: Server;
let fields: readonly string[] = [];

beforeAll(async () => {
  server = createServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': [...fields] }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

async function read(...given: string[]) {
  fields = given;
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const configuration = new oidc.Configuration({ issuer: url.href }, 'client');
  oidc.allowInsecureRequests(configuration);
  const failure: unknown = await oidc
    .fetchProtectedResource(configuration, 'token', url, 'GET')
    .catch((e) => e);
  if (!(failure instanceof oidc.WWWAuthenticateChallengeError)) throw new Error('no challenge was found');
  return readChallenges(failure.cause);
}

const error = 'error="insufficient_user_authentication"';
const stepUp = (acrValues: string[], maxAge?: number, scopes: string[] = []) => ({
  kind: 'stepUp',
  stepUp: { acrValues, maxAge, scopes },
});

it('reads acr_values in order of preference, and max_age', async () => {
  expect(await read(`Bearer ${error}, acr_values="phrh phr", max_age="5"`)).toEqual(
    stepUp(['phrh', 'phr'], 5),
  );
});

it('reads either alone, and a scope beside them', async () => {
  expect(await read(`Bearer ${error}, acr_values="phr"`)).toEqual(stepUp(['phr']));
  expect(await read(`Bearer ${error}, max_age=0, scope="a b"`)).toEqual(stepUp([], 0, ['a', 'b']));
});

it('is not confused by case, spaces, commas, quotes or parameters inside quoted strings', async () => {
  const header = String.raw`bearer realm="a, \"b\" acr_values=\"1\"" , ERROR="insufficient_user_authentication",error_description="max_age=\"9\", sorry",  Acr_Values = "phr"  ,max_age="300"`;
  expect(await read(header)).toEqual(stepUp(['phr'], 300));
});

it('finds the challenge among other schemes, in one field or several', async () => {
  const challenge = `Bearer ${error}, acr_values="phr"`;
  expect(await read('Basic realm="x"', challenge)).toEqual(stepUp(['phr']));
  expect(await read(`Negotiate abcd==, ${challenge}, Digest realm="y"`)).toEqual(stepUp(['phr']));
  expect(await read('Bearer realm="plain"', challenge)).toEqual(stepUp(['phr']));
});

it.each([
  'max_age="-1"',
  'max_age="1e3"',
  'max_age=""',
  'max_age="5 5"',
  'acr_values="a\\\\b"',
  'realm="nothing"',
])('follows no challenge that is malformed: %s', async (parameter) => {
  expect(await read(`Bearer ${error}, ${parameter}`)).toEqual({
    kind: 'other',
    error: 'malformed_challenge',
  });
});

it('tells other errors apart', async () => {
  expect(await read('Bearer error="invalid_token"')).toEqual({ kind: 'invalidToken' });
  expect(await read('Bearer')).toEqual({ kind: 'other', error: 'unauthorized' });
  expect(await read('Bearer error="insufficient_scope", scope="x"')).toEqual({
    kind: 'other',
    error: 'insufficient_scope',
  });
});

it('knows the same demand again, in whatever order it is written', () => {
  const demand = { acrValues: ['phr', 'x'], maxAge: 300, scopes: [] };
  expect(sameStepUp(demand, { ...demand, acrValues: ['x', 'phr'] })).toBe(true);
  expect(sameStepUp(demand, { ...demand, maxAge: 299 })).toBe(false);
  expect(sameStepUp(demand, { ...demand, maxAge: undefined })).toBe(false);
});
