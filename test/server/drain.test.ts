import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { testModel } from '../models/test-model.ts';
import { startBuiltServer } from './built-server.ts';

const REQUESTS = 6;
const TEXTS = 400;

test('SIGTERM: what is in flight is answered, what comes is refused, and the exit code is 0', async () => {
  const server = await startBuiltServer(await testModel('tiny-224'), 1);
  const post = (texts: number) =>
    fetch(`${server.url}/encode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        data: Array.from({ length: texts }, (_, index) => ({ text: `text ${index}` })),
      }),
    });
  const answers = Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const { data } = (await (await post(TEXTS)).json()) as { data: { embedding: number[] }[] };
      return data.filter(({ embedding }) => embedding?.every(Number.isFinite)).length;
    }),
  );
  // All of them are admitted before the end begins.
  for (let turn = 0; turn < 400; turn++) {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    if (metrics.includes(`clip_items_in_flight ${REQUESTS * TEXTS}`)) break;
    await wait(5);
  }
  const stopped = server.stop();
  // The signal arrives on another way than the requests.
  for (let turn = 0; turn < 100 && (await fetch(`${server.url}/readyz`)).status === 200; turn++)
    await wait(2);
  const ready = await fetch(`${server.url}/readyz`);
  const late = await post(1);
  assert.deepEqual([ready.status, late.status, late.headers.has('retry-after')], [503, 503, true]);
  assert.deepEqual(await answers, Array(REQUESTS).fill(TEXTS));
  assert.equal(await stopped, 0);
});
