/** One of the contract's APIs on the SDK as it was built. */
import { Hono } from 'hono';
import * as forHono from '../dist/server/hono.js';
import * as plain from '../dist/server/index.js';
import { webApis } from './web-apis.mjs';

export const build = ({ adapter, options }) => webApis({ plain, forHono, Hono })[adapter](options);
