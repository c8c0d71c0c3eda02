import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { loadUws } from '../../src/protocol/http/uws.ts';

export const uws = await loadUws(DEFAULT_LIMITS.headerBytes).catch(() => undefined);

/** Both servers, and why the tests of one are skipped here. */
export const SERVERS = [
  { implementation: 'node', skip: false },
  {
    implementation: 'uws',
    skip:
      uws === undefined && `uWebSockets.js has no build for Node.js ${process.version} with this C library`,
  },
] as const;

export const skipUws = SERVERS[1].skip;
