/** A client as people see it. */
import type { Client } from 'oidc-provider';
import type { ClientView } from './view-models.ts';

export function clientView({ clientId, clientName, clientUri }: Client): ClientView {
  return { name: clientName ?? clientId, ...(clientUri ? { uri: clientUri } : {}) };
}
