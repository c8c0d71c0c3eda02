import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { testModel } from '../models/test-model.ts';
import { startBuiltServer } from './built-server.ts';

const REQUESTS = 6;
const TEXTS = 100;
const BODY = JSON.stringify({ data: [{ text: 'the last' }] });

test('SIGTERM: what is in flight is answered, what comes is refused, and the exit code is 0', {
  timeout: 60_000,
}, async () => {
  const server = await startBuiltServer(await testModel('tiny-224'), 1);
  const post = (texts: number) =>
    fetch(`${server.url}/encode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        data: Array.from({ length: texts }, (_, index) => ({ text: `text ${index}` })),
      }),
    });
  // In flight until its last byte comes, however soon the others are answered.
  const headers = { 'content-type': 'application/json', 'content-length': BODY.length };
  const last = request(`${server.url}/encode`, { method: 'POST', headers });
  const lastAnswer = once(last, 'response') as Promise<[IncomingMessage]>;
  last.write(BODY.slice(0, -1));
  let answered = 0;
  const answers = Promise.all(
    Array.from({ length: REQUESTS }, async () => {
      const { data } = (await (await post(TEXTS)).json()) as { data: { embedding: number[] }[] };
      answered += 1;
      return data.filter(({ embedding }) => embedding?.every(Number.isFinite)).length;
    }),
  );
  // All of them are admitted before the end begins.
  for (let admitted = 0; admitted <= REQUESTS; ) {
    const before = answered;
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    admitted = before + Number(/^clip_requests_in_flight (\d+)$/m.exec(metrics)![1]);
  }
  const stopped = server.stop();
  // The signal arrives on another way than the requests.
  while ((await fetch(`${server.url}/readyz`)).status === 200) await wait(2);
  const ready = await fetch(`${server.url}/readyz`);
  const late = await post(1);
  assert.deepEqual([ready.status, late.status, late.headers.has('retry-after')], [503, 503, true]);
  last.end(BODY.slice(-1));
  const [response] = await lastAnswer;
  response.resume();
  assert.equal(response.statusCode, 200);
  assert.deepEqual(await answers, Array(REQUESTS).fill(TEXTS));
  assert.equal(await stopped, 0);
});
