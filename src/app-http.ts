/** The other half of the composition root: protocol, pages and routes over a `Core`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type Provider from 'oidc-provider';
import type { Core } from './app.ts';
import type { Config } from './config/schema.ts';
import { weakestNames } from './domain/level.ts';
import { accountRoutes } from './http/account/routes.ts';
import { withFormPost } from './http/form-post.ts';
import { healthRoutes } from './http/health.ts';
import type { ConsentDeps } from './http/interaction/consent.ts';
import { interactionRoutes } from './http/interaction/routes.ts';
import { outboxRoutes } from './http/outbox.ts';
import { answerAs } from './http/own-address.ts';
import { providerPages } from './http/provider-pages.ts';
import { createServer, errorDeps } from './http/server.ts';
import { withPlainSignOut } from './http/signing-out.ts';
import { loadAssets, serveAssets } from './http/static.ts';
import { createRenderer, type Renderer } from './http/views.ts';
import { clockFault, measureDatabaseOffset } from './infra/database-clock.ts';
import { createAdapterFactory } from './infra/oidc-adapter.ts';
import { createWriter } from './infra/oidc-writes.ts';
import { packageRoot } from './infra/package-root.ts';
import { elapsed } from './infra/system.ts';
import { createPolicy } from './oidc/assurance-check.ts';
import { storedClientMetadata } from './oidc/clients.ts';
import { protocolEndpoints } from './oidc/endpoint.ts';
import { createProvider } from './oidc/provider.ts';
import { createProtocolContext } from './oidc/request-state.ts';
import { tell } from './services/notices.ts';
import { originOf } from './services/policy.ts';
import type { ProtocolContext } from './services/protocol-context.ts';

export interface Http {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly provider: Provider;
  /** From now on not ready: load balancers send nobody here. */
  drain(): void;
}

export async function composeHttp(core: Core): Promise<Http> {
  const { config, services } = core;
  const views = join(packageRoot(), 'views');
  const assets = await loadAssets(join(views, 'assets'));
  const renderer = await createRenderer({ directory: views, site: config.name, assets });
  const errors = errorDeps({ log: core.log, render: (page) => renderer.render(page) });
  const context = createProtocolContext((device) => originOf(services.risk, device));
  const provider = composeProvider(core, { renderer, errors, context });
  answerAs(provider, config.issuer);
  const https = config.issuer.startsWith('https:');
  const interaction = interactionDeps(core, provider, renderer);
  let draining = false;
  const server = createServer({
    https,
    trustProxy: config.trustProxy,
    cookieKeys: core.keys.cookieKeys,
    newId: () => services.random.id(),
    elapsed,
    log: core.log,
    errors,
    browser: { mac: services.vault.mac, newId: () => services.random.id(), https },
    assets: serveAssets(assets),
    routes: [
      ...healthRoutes({
        ready: async () => clockFault(await measureDatabaseOffset(core.db, core.clock)),
        draining: () => draining,
      }),
      ...interactionRoutes(interaction),
      ...accountRoutes({ ...interaction, facts: core.stores.facts, issuer: config.issuer }),
      ...(config.demo && core.outbox
        ? outboxRoutes({ render: interaction.render, list: core.outbox.list })
        : []),
    ],
    protocol: withPlainSignOut(
      provider,
      withFormPost(
        protocolEndpoints({
          provider,
          transactions: services.unitOfWork,
          flush: createWriter(core).flush,
          clock: core.clock,
          random: services.random,
          tell: (notice) => tell(services, notice),
        }),
      ),
    ),
  });
  answerAs(server, config.issuer);
  return {
    handler: server.callback(),
    provider,
    drain: () => {
      draining = true;
    },
  };
}

interface ProviderParts {
  readonly renderer: Renderer;
  readonly errors: ReturnType<typeof errorDeps>;
  readonly context: ProtocolContext;
}

function composeProvider(core: Core, { renderer, errors, context }: ProviderParts): Provider {
  const { config, services, keys, assurance } = core;
  return createProvider({
    config,
    adapter: createAdapterFactory({
      db: core.db,
      vault: services.vault,
      clock: core.clock,
      context,
      baseAcrs: weakestNames(config.levels),
      clientMetadata: (client) =>
        storedClientMetadata(client, Object.keys(config.authorizationDetails)) as never,
    }),
    jwks: keys.jwks as never,
    cookieKeys: keys.cookieKeys,
    dpopNonceSecret: keys.dpopNonceSecret,
    policy: createPolicy({
      assurance,
      accounts: services.accounts,
      transactions: services.transactions,
      proofs: services.proofs,
      random: services.random,
      devices: services,
      keepFor: longestToken(config),
    }),
    issuance: { accounts: services.accounts, assurance, tokens: config.tokens, resources: config.resources },
    pages: providerPages({
      errors,
      render: (page, languages) => renderer.render(page, languages),
      person: async (id) => (await services.accounts.byId(id)) ?? null,
    }),
  });
}

/** Seconds: a code, then a token without a row of its own. */
function longestToken({ tokens, resources }: Config): number {
  return tokens.code + Math.max(tokens.accessToken, ...resources.map(({ accessToken }) => accessToken.ttl));
}

function interactionDeps(core: Core, provider: Provider, renderer: Renderer): ConsentDeps {
  const { config } = core;
  const scopes = Object.assign({}, config.scopes, ...config.resources.map((resource) => resource.scopes));
  return {
    provider,
    services: core.services,
    assurance: core.assurance,
    render: (page, languages) => renderer.render(page, languages),
    origin: new URL(config.issuer).origin,
    describeScope: (name) => {
      const description = Object.hasOwn(scopes, name) ? scopes[name].description : undefined;
      return { name, ...(description ? { description } : {}) };
    },
    describeResource: (identifier) =>
      config.resources.find((resource) => resource.identifier === identifier)?.name ?? identifier,
  };
}
