/** The snippets in examples/gateways carry all that the gate says, to whom it is for. Where gateways run, they are run, too. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { identityFields as fieldsOf } from '../../src/gate/identity.ts';

const read = (file: string) => readFileSync(`examples/gateways/${file}`, 'utf8');
const identityFields = fieldsOf(undefined).filter((_, index) => index % 2 === 0);
const variable = (field: string) => field.toLowerCase().replaceAll('-', '_');

describe('nginx', () => {
  const text = read('nginx/stile.conf');
  const [main = '', gate = ''] = text.split('location = /_stile_gate');

  test.each(identityFields)('%s is taken from the gate and set for the program', (field) => {
    const name = `$${variable(field).replace('x_', '')}`;
    expect(main).toContain(`auth_request_set ${name} $upstream_http_${variable(field)};`);
    expect(main).toContain(`proxy_set_header ${field} ${name};`);
  });

  test('the gate gets the facts from nginx, and no field, length or body of the client beside the credentials', () => {
    const [location = ''] = gate.split('location @');
    const set = [...location.matchAll(/proxy_set_header (\S+) (\S+);/g)].map(([, name, value]) => [
      name,
      value,
    ]);
    expect(Object.fromEntries(set)).toEqual({
      'Content-Length': '""',
      Authorization: '$http_authorization',
      DPoP: '$http_dpop',
      'X-Original-Method': '$request_method',
      'X-Original-URI': '$request_uri',
      'X-Forwarded-Proto': '$scheme',
      'X-Forwarded-Host': '$stile_host',
      'X-Forwarded-For': '$remote_addr',
    });
    expect(location).toMatch(/proxy_pass_request_body off;[\s\S]*proxy_pass_request_headers off;/);
  });
});

describe('Caddy', () => {
  const text = read('caddy/Caddyfile');

  test.each(identityFields)('%s is copied', (field) => {
    expect(/copy_headers (.*)/.exec(text)?.[1]?.split(' ')).toContain(field);
  });

  test('the client’s own go first', () => {
    expect(text).toMatch(
      /route \{[\s\S]*request_header -X-Stile\*[\s\S]*request_header -X_Stile\*[\s\S]*forward_auth/,
    );
  });
});

describe('HAProxy', () => {
  const lua = read('haproxy/stile-gate.lua');
  const table = (name: string) =>
    /\{(.*)\}/.exec(lua.split(`local ${name} = `)[1] ?? '')?.[1]?.match(/[\w-]+/g);

  test.each(identityFields)('%s is set', (field) => {
    expect(table('identity')).toContain(field.toLowerCase());
  });

  test('what a refusal says reaches the client, and the nonce with a 200, too', () => {
    expect(table('carried')).toEqual(
      expect.arrayContaining(['www-authenticate', 'dpop-nonce', 'retry-after']),
    );
    expect(read('haproxy/haproxy.cfg')).toMatch(/http-response set-header DPoP-Nonce/);
  });
});

describe('Envoy', () => {
  const { static_resources: resources } = parse(read('envoy/envoy.yaml'));
  const manager = resources.listeners[0].filter_chains[0].filters[0].typed_config;
  const names = manager.http_filters.map(({ name }: { name: string }) => name);
  const filter = manager.http_filters[0].typed_config;
  const { authorization_response: answer, ...service } = filter.http_service;
  interface Pattern {
    readonly exact?: string;
    readonly prefix?: string;
  }
  const passes = ({ patterns }: { patterns: readonly Pattern[] }, field: string) =>
    patterns.some(
      ({ exact, prefix }) => exact === field || (prefix !== undefined && field.startsWith(prefix)),
    );

  test.each(identityFields)('%s is set over that of the client', (field) => {
    expect(passes(answer.allowed_upstream_headers, field.toLowerCase())).toBe(true);
    expect(answer).not.toHaveProperty('allowed_upstream_headers_to_append');
  });

  // Method, path, Host and Authorization always go; and no more than the gate reads.
  test('the gate gets what it reads', () => {
    const exact = filter.allowed_headers.patterns.map((pattern: Pattern) => pattern.exact);
    expect(exact.sort()).toEqual(['dpop', 'x-forwarded-for', 'x-forwarded-proto']);
    expect([service.path_prefix, filter.with_request_body]).toEqual(['/check/envoy', undefined]);
    expect(service).not.toHaveProperty('authorization_request');
  });

  test.each(['www-authenticate', 'dpop-nonce', 'content-type', 'cache-control'])(
    'a refusal brings %s',
    (field) => {
      expect(passes(answer.allowed_client_headers, field)).toBe(true);
    },
  );

  test('the nonce comes with a 200, Retry-After with the 503 that Envoy makes of the gate’s', () => {
    expect(passes(answer.allowed_client_headers_on_success, 'dpop-nonce')).toBe(true);
    expect(filter.status_on_error).toEqual({ code: 'ServiceUnavailable' });
    const [{ filter: when, headers_to_add: added }] = manager.local_reply_config.mappers;
    expect([when.status_code_filter.comparison.value.default_value, added[0].header.key]).toEqual([
      503,
      'retry-after',
    ]);
  });

  test('nothing passes unasked, and nothing is read in another way than it was sent', () => {
    expect(names).toEqual(['envoy.filters.http.ext_authz', 'envoy.filters.http.router']);
    expect(filter.failure_mode_allow).toBe(false);
    expect([manager.use_remote_address, manager.normalize_path, manager.merge_slashes]).toEqual([
      true,
      false,
      false,
    ]);
    expect(manager.common_http_protocol_options).toEqual({ headers_with_underscores_action: 'DROP_HEADER' });
  });
});

describe('Traefik', () => {
  const { http } = parse(read('traefik/dynamic.yaml'));
  const { forwardAuth } = http.middlewares['stile-gate'];
  const taken = new RegExp(forwardAuth.authResponseHeadersRegex.replace('(?i)', ''), 'i');

  // What matches is taken from the client's request, and then set from the answer.
  test.each([...identityFields, 'X_Stile_Sub', 'X-Stile_Acr'])('%s is never the client’s', (field) => {
    expect(field).toMatch(taken);
  });

  test('the client’s own X-Forwarded-* count for nothing, and its Authorization and DPoP go to the gate', () => {
    expect(forwardAuth).toEqual({
      address: 'http://127.0.0.1:9700/check/forwarded',
      trustForwardHeader: false,
      authRequestHeaders: ['Authorization', 'DPoP'],
      authResponseHeadersRegex: expect.any(String),
    });
    expect(Object.values(http.routers)).toEqual([expect.objectContaining({ middlewares: ['stile-gate'] })]);
  });
});
