export * from '@stile/sdk/client';
