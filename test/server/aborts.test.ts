import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from './start.ts';

const REQUESTS = 10_000;
const IN_FLIGHT = 64;

let server: TestServer;
before(async () => {
  server = await serveModel(await testModel('echo-text'), { executor: { replicas: 2 } });
});
after(() => server.close());

test('10,000 requests with random aborts: every answer is its own, and nothing is left behind', async () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  let answered = 0;
  let aborted = 0;
  const one = async (index: number) => {
    const leave = new AbortController();
    const patience = random() < 0.4 ? Math.floor(random() * 12) : undefined;
    if (patience !== undefined) setTimeout(() => leave.abort(), patience);
    const digits = String(index);
    try {
      const answer = await fetch(`${server.url}/encode`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ data: [{ id: digits, text: digits }] }),
        signal: leave.signal,
      });
      const { data } = (await answer.json()) as { data: { id: string; embedding: number[] }[] };
      assert.equal(data.length, 1);
      assert.equal(data[0]!.id, digits);
      // A digit is a token of its own: d → 271 … (the vocabulary's ids for "0</w>" … "9</w>" and "0" … "9").
      assert.deepEqual(data[0]!.embedding.slice(1, digits.length + 1), await idsOfDigits(digits));
      answered += 1;
    } catch (error) {
      if (!leave.signal.aborted) throw error;
      aborted += 1;
    }
  };
  await one(0);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let next = 1;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next <= REQUESTS) await one(next++);
    }),
  );
  assert.equal(answered + aborted, REQUESTS + 1);
  assert.ok(aborted > REQUESTS / 20, `only ${aborted} left early`);
  assert.ok(answered > REQUESTS / 2);
  await settled();
  const after = process.memoryUsage().rss;
  assert.ok(after < before * 1.1 + 64e6, `memory grew from ${before} to ${after}`);
});

async function idsOfDigits(digits: string): Promise<number[]> {
  return [...digits].map((digit) => DIGITS.get(digit)!);
}

const DIGITS = new Map<string, number>();
before(async () => {
  const { body } = await server.post('/encode', { data: [...'0123456789'].map((text) => ({ text })) });
  body.data.forEach((doc: { embedding: number[] }, digit: number) => {
    DIGITS.set(String(digit), doc.embedding[1]!);
  });
});

/** Waits until the gauges of everything in flight stand at zero. */
async function settled(): Promise<void> {
  const gauges = [
    'clip_requests_in_flight',
    'clip_items_in_flight',
    'clip_request_bytes_in_flight',
    'clip_queue_length',
  ];
  for (let turn = 0; turn < 200; turn++) {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const left = text
      .split('\n')
      .filter((line) => gauges.some((name) => line.startsWith(name)) && !line.endsWith(' 0'));
    if (left.length === 0) return;
    if (turn === 199) assert.fail(`still in flight: ${left.join('; ')}`);
    await wait(25);
  }
}
