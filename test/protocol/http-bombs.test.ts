import assert from 'node:assert/strict';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { DEFAULT_LIMITS } from '../../src/config/limits.ts';
import { onBothServers } from './rig.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Sixty-four members of 16 MiB each. */
const GZIP = Buffer.concat(Array(64).fill(gzipSync(Buffer.alloc(16 * MIB), { level: 9 })));
const BROTLI = brotliCompressSync(Buffer.alloc(256 * MIB), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
});

onBothServers((on) => {
  for (const [coding, bomb, becomes] of [
    ['gzip', GZIP, GIB],
    ['br', BROTLI, 256 * MIB],
  ] as const)
    on(
      `a ${coding} body of ${bomb.length} bytes that becomes ${becomes} gets 413 with little memory`,
      async (rig) => {
        assert.ok(bomb.length < 1.1 * MIB && becomes > DEFAULT_LIMITS.requestBytes);
        const before = process.resourceUsage().maxRSS * 1024;
        let seen = 0;
        const admit = rig.service.admit.bind(rig.service);
        rig.service.admit = () => ({
          ...admit(),
          addBytes: (count) => {
            seen += count;
          },
        });
        const response = await rig.request('/encode', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-encoding': coding },
          body: bomb,
        });
        assert.equal(response.status, 413);
        await response.arrayBuffer();
        assert.ok(seen <= DEFAULT_LIMITS.requestBytes && seen > DEFAULT_LIMITS.requestBytes - MIB);
        const grown = process.resourceUsage().maxRSS * 1024 - before;
        assert.ok(grown < 64 * MIB, `the process grew by ${grown} bytes`);
        assert.equal((await rig.post('/encode', { data: [{ text: 'after' }] })).status, 200);
      },
    );

  on('bodies too large to be kept while they are measured come out whole', async ({ request }) => {
    const pad = 'x'.repeat(20 * MIB);
    const body = Buffer.from(JSON.stringify({ pad, data: [{ text: 'the end' }] }));
    for (const [coding, compress] of Object.entries({ gzip: gzipSync, deflate: deflateSync })) {
      const response = await request('/encode', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': coding },
        body: compress(body, { level: 1 }),
      });
      const { data } = (await response.json()) as { data: { text: string }[] };
      assert.deepEqual([response.status, data[0]?.text], [200, 'the end'], coding);
    }
  });
});
