/**
 * What the client half promises, against a real Stile: `world` says where that, the API and the person's browser are.
 * Plain, and given the SDK, so that it runs wherever fetch does. Gives the faults, one line each.
 */
const MFA = 'urn:stile:acr:mfa';

export const rules = {
  'a challenge becomes a sign-in, and the call is sent again with its body': async (world) => {
    const { person, fetcher, asked } = await world.client();
    const response = await fetcher(`${world.api}/mfa`, { method: 'POST', body: 'pay Robin' });
    const said = await response.json();
    same(
      [response.status, said.body, said.acr, said.sub],
      [200, 'pay Robin', MFA, (await fetcher.tokens()).sub],
    );
    same(
      asked.map(({ stepUp }) => stepUp?.parameters),
      [undefined, { acr_values: MFA, max_age: '300' }],
    );
    same((await (await fetcher(`${world.api}/mfa`)).json()).acr, MFA);
    same(asked.length, 2, `${person} is not asked again`);
  },
  'concurrent challenges of one demand are one authorization': async (world) => {
    const { fetcher, asked } = await world.client();
    await fetcher(`${world.api}/plain`);
    const all = await Promise.all([1, 2, 3, 4].map(() => fetcher(`${world.api}/mfa`)));
    same(
      all.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    same(asked.length, 2);
  },
  'gives up when the same is demanded again': async (world) => {
    const { fetcher, asked } = await world.client();
    const error = await failure(fetcher(`${world.api}/never`));
    same([error.code, error.details.stepUp.acrValues, asked.length], ['still_insufficient', [MFA], 2]);
  },
  'a token that is called invalid is replaced once': async (world) => {
    let calls = 0;
    const counting = (input, init) => {
      if (String(input.url).endsWith('/invalid')) calls += 1;
      return fetch(input, init);
    };
    const { fetcher, asked } = await world.client({ fetch: counting });
    await fetcher(`${world.api}/plain`);
    const { access } = await fetcher.tokens();
    same((await failure(fetcher(`${world.api}/invalid`))).code, 'still_insufficient');
    same([calls, asked.length, (await fetcher.tokens()).access === access], [2, 1, false], 'refreshed');
  },
  'demands that come piece by piece are answered together': async (world) => {
    const { fetcher, asked } = await world.client();
    same((await fetcher(`${world.api}/piecemeal`)).status, 200);
    same(
      asked.map(({ stepUp }) => stepUp?.parameters),
      [undefined, { scope: 'write' }, { scope: 'write', acr_values: MFA, max_age: '300' }],
    );
  },
  'a refresh token is used once, however many calls need it': async (world) => {
    let refreshes = 0;
    const counting = (input, init) => {
      if (String(init?.body).includes('grant_type=refresh_token')) refreshes += 1;
      return fetch(input, init);
    };
    const { fetcher, asked } = await world.client({ fetch: counting });
    await fetcher(`${world.api}/plain`);
    await Promise.all([1, 2, 3].map(() => failure(fetcher(`${world.api}/invalid`))));
    same([refreshes, asked.length], [1, 1]);
  },
  'an expired token is refreshed once for all calls that wait for it': async (world) => {
    let refreshes = 0;
    const counting = (input, init) => {
      if (String(init?.body).includes('grant_type=refresh_token')) refreshes += 1;
      return fetch(input, init);
    };
    const storage = world.sdk.memoryStorage();
    const { fetcher, options, asked } = await world.client({ fetch: counting, storage });
    await fetcher(`${world.api}/plain`);
    // By its tolerance every token has expired.
    const late = world.sdk.createStepUpFetch({ ...options, clockTolerance: 3600 });
    const all = await Promise.all([1, 2, 3, 4].map(() => late(`${world.api}/plain`)));
    same(
      all.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    same([refreshes, asked.length], [1, 1]);
  },
  'another person does not answer a step-up': async (world) => {
    const { fetcher, answerAs } = await world.client({ par: false });
    await fetcher(`${world.api}/plain`);
    const { sub } = await fetcher.tokens();
    answerAs({ stranger: true });
    same((await failure(fetcher(`${world.api}/mfa`))).code, 'other_subject');
    same((await fetcher.tokens()).sub, sub);
  },
  'a refusal of the issuer is a typed error': async (world) => {
    const { fetcher, answerAs } = await world.client();
    await fetcher(`${world.api}/plain`);
    answerAs({ cancel: true });
    const { code, details } = await failure(fetcher(`${world.api}/mfa`));
    same([code, details.error], ['authorization_refused', 'access_denied']);
  },
  'an answer with another state or iss is not taken': async (world) => {
    for (const [name, code] of [
      ['state', 'unknown_state'],
      ['iss', 'invalid_response'],
    ]) {
      const { fetcher, answerAs } = await world.client();
      answerAs({ forge: name });
      same((await failure(fetcher(`${world.api}/plain`))).code, code);
    }
  },
  'a redirect carries on after a reload, with the call and its body': async (world) => {
    const { sdk } = world;
    const values = new Map();
    const web = {
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => values.set(key, value),
      removeItem: (key) => values.delete(key),
    };
    const storage = sdk.webStorage(web);
    const { options, visit } = await world.client();
    const open = () => sdk.createStepUpFetch({ ...options, storage, obtain: undefined });
    const init = {
      method: 'PUT',
      body: new Uint8Array([0, 255, 128]),
      headers: { 'x-id': '7' },
      context: 'c1',
    };
    const first = await failure(open()(`${world.api}/mfa`, init));
    same(first.code, 'authorization_required');
    const second = await failure((await open().complete(await visit(first.details.url))).resume());
    const callback = await visit(second.details.url);
    const { resume, context } = await open().complete(callback);
    const said = await (await resume()).json();
    same([said.acr, said.bytes, said.id, context], [MFA, [0, 255, 128], '7', 'c1']);
    same((await failure(open().complete(callback))).code, 'unknown_state');
  },
  'a stream is buffered, or refused, never cut': async (world) => {
    const { sdk } = world;
    const stream = () => new Blob(['a stream']).stream();
    const { fetcher, options } = await world.client();
    const send = (fetching) =>
      fetching(`${world.api}/mfa`, { method: 'POST', body: stream(), duplex: 'half' });
    same((await (await send(fetcher)).json()).body, 'a stream');
    for (const limit of [{ streams: 'refuse' }, { maxBody: 7 }])
      same((await failure(send(sdk.createStepUpFetch({ ...options, ...limit })))).code, 'body_not_kept');
  },
  'DPoP: keys that cannot be taken, a proof for each call, the nonce retried once': async (world) => {
    const { sdk } = world;
    const keys = await sdk.generateKeys();
    same(keys.privateKey.extractable, false);
    const { fetcher } = await world.client({ dpop: keys });
    const said = await (await fetcher(`${world.api}/dpop?q=1`, { method: 'POST', body: 'x' })).json();
    same([said.scheme, said.acr, said.body], ['dpop', MFA, 'x']);
  },
  'DPoP: a bearer token in place of a bound one is refused, and not kept': async (world) => {
    const { sdk } = world;
    // What stands between takes the proof away, from the request for the code and from that for the token.
    const strip = (input, init) => {
      const headers = new Headers(init?.headers);
      headers.delete('dpop');
      return fetch(input, init && { ...init, headers });
    };
    const given = { dpop: await sdk.generateKeys(), par: false, fetch: strip };
    const { visit, options } = await world.client(given);
    const obtain = ({ url }) => {
      const target = new URL(url);
      target.searchParams.delete('dpop_jkt');
      return visit(target.href);
    };
    const fetcher = sdk.createStepUpFetch({ ...options, obtain });
    const error = await failure(fetcher(`${world.api}/plain`));
    same([error.code, error.message], ['invalid_response', 'A token of type bearer was not asked for']);
    same(await fetcher.tokens(), undefined);
  },
  'a malformed challenge is a ChallengeError': async (world) => {
    const { fetcher } = await world.client();
    same((await failure(fetcher(`${world.api}/malformed`))).code, 'malformed_challenge');
  },
  'tokens are sent to the API and nowhere else': async (world) => {
    const { fetcher, asked } = await world.client();
    same((await failure(fetcher(`${world.api.replace('/v1', '/v10')}/plain`))).code, 'foreign_url');
    same((await failure(fetcher('https://example.com/v1/plain'))).code, 'foreign_url');
    same(asked.length, 0);
  },
  'other answers come back as they are': async (world) => {
    const { fetcher, asked } = await world.client();
    same([(await fetcher(`${world.api}/teapot`)).status, asked.length], [418, 1]);
  },
};

/** Runs them all, or one. `places`: { issuer, api, driver, resource, redirectUri }. */
export async function contract(sdk, places, only) {
  const faults = [];
  for (const [name, rule] of Object.entries(rules)) {
    if (only !== undefined && name !== only) continue;
    try {
      await rule(worldOf(sdk, places));
    } catch (error) {
      faults.push(`${name}: ${error?.stack ?? error} ${error?.cause ?? ''}`);
    }
  }
  return { rules: Object.keys(rules).length, faults };
}

function worldOf(sdk, { issuer, api, driver, resource, redirectUri }) {
  return {
    sdk,
    api,
    client: async (more = {}) => {
      const person = `p${crypto.randomUUID().slice(0, 8)}`;
      const asked = [];
      let how = {};
      const visit = async (url) => {
        const response = await fetch(driver, {
          method: 'POST',
          body: JSON.stringify({ url, person, ...how }),
        });
        if (!response.ok) throw new Error(await response.text());
        return response.text();
      };
      const obtain = (authorization) => {
        asked.push(authorization);
        return visit(authorization.url);
      };
      const options = {
        issuer,
        clientId: 'spa',
        redirectUri,
        resource,
        apis: [api],
        scope: ['read'],
        obtain,
        ...more,
      };
      const answerAs = (next) => {
        how = next;
      };
      return { person, asked, visit, options, answerAs, fetcher: sdk.createStepUpFetch(options) };
    },
  };
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('no error was thrown');
}

function same(actual, expected, what = '') {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what} ${left} instead of ${right}`);
}
