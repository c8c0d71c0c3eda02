import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { FILES, file, HOSTILE } from '../preprocess/image/hostile-images.ts';
import { type RunningServer, startBuiltServer } from './built-server.ts';

const EXTRA_BYTES = 256 * 2 ** 20;

let server: RunningServer;
before(async () => {
  server = await startBuiltServer(await testModel('tiny'), 1);
});
after(() => server.stop());

async function encode(data: object[]): Promise<Response> {
  return fetch(`${server.url}/encode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data, parameters: { drop_image_content: true } }),
  });
}

/** The most that the server's memory ever was. */
function peakBytes(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) * 1024;
}

test('hostile pictures get a vector or a typed refusal, and the server stays up within its memory', async () => {
  await encode([{ text: 'warm' }]);
  const base = peakBytes();
  const refused = new Set<string>();
  for (const [name, expected, make] of HOSTILE) {
    const blob = Buffer.from(await make()).toString('base64');
    if (blob === '') continue;
    const answer = await encode([{ blob }]);
    const { data } = (await answer.json()) as { data: { embedding: number[]; error?: { code: string } }[] };
    if (expected === 'crop') {
      assert.equal(answer.status, 200, name);
      assert.ok(data[0]!.embedding.every(Number.isFinite), name);
    } else {
      assert.ok(answer.status >= 400 && answer.status < 500, `${name}: ${answer.status}`);
      assert.equal(data[0]!.error!.code, expected, name);
      refused.add(expected);
    }
  }
  assert.deepEqual([...refused].sort(), ['image_too_large', 'invalid_image', 'unsupported_image']);
  // Every good file with three bytes changed, by a fixed seed.
  let seed = 4;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (const name of readdirSync(FILES)) {
    const changed = Buffer.from(file(name));
    for (let turn = 0; turn < 3; turn++) changed[next(changed.length)] = next(256);
    const { status } = await encode([{ blob: changed.toString('base64') }]);
    assert.ok(status === 200 || (status >= 400 && status < 500), `${name}: ${status}`);
  }
  assert.ok(peakBytes() - base < EXTRA_BYTES, `${peakBytes() - base} bytes more than before`);
  assert.equal((await encode([{ text: 'still here' }])).status, 200);
});
