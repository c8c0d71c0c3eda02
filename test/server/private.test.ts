import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { startBuiltServer } from './built-server.ts';

// ONNX Runtime's own reports to its maker begin with an identifier of the machine in the user's cache.
test('serving leaves nothing in the user’s home, and reports to nobody', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'clip-home-'));
  t.after(() => rm(home, { recursive: true }));
  // Where the environment looks like that of a build service, ONNX Runtime would be silent by itself.
  const environment = { PATH: process.env.PATH, HOME: home };
  const server = await startBuiltServer(await testModel('tiny'), 1, { environment });
  const response = await fetch(`${server.url}/encode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: [{ text: 'a photo' }] }),
  });
  assert.equal(response.status, 200);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(await readdir(home, { recursive: true }), []);
});
