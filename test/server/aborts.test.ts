import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { testModel } from '../models/test-model.ts';
import { type RunningServer, startBuiltServer } from './built-server.ts';

const REQUESTS = 10_000;
const IN_FLIGHT = 32;
/** A leak makes each round grow; V8's heap, which takes its time to find its size, a few. */
const ROUNDS = 4;
const LEAVING = 0.3;
const POLL_MS = 100;
/** Longer than from one giving back to the next. */
const GIVEN_BACK_POLLS = 30;

let server: RunningServer;
const agent = new Agent({ keepAlive: true });
before(async () => {
  // V8 lets its young generation grow with the load; kept small, it does not hide what is left behind.
  const nodeOptions = '--max-semi-space-size=1';
  server = await startBuiltServer(await testModel('echo-text'), 1, { replicas: 2, nodeOptions });
});
after(async () => {
  agent.destroy();
  await server.stop();
});

let seed = 7;
function random(): number {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
}

interface Doc {
  readonly id: string;
  readonly embedding: number[];
}

/** Resolves to undefined where the client left, at a random moment, before it had the whole answer. */
function encode(texts: string[], leaveAfterMs?: number): Promise<Doc[] | undefined> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ data: texts.map((text) => ({ id: text, text })) });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    let left = false;
    const call = request(`${server.url}/encode`, { method: 'POST', agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk;
      });
      response.on('end', () => resolve(JSON.parse(answer).data));
      response.on('error', () => (left ? resolve(undefined) : reject(new Error('the answer broke off'))));
    });
    call.on('error', (error) => (left ? resolve(undefined) : reject(error)));
    call.end(body);
    if (leaveAfterMs !== undefined)
      setTimeout(() => {
        left = true;
        call.destroy();
        resolve(undefined);
      }, leaveAfterMs);
  });
}

test('10,000 requests with random aborts: every answer is its own, and nothing is left behind', async () => {
  const digits = [...'0123456789'];
  const known = await encode(digits);
  const idOf = new Map(known!.map(({ id, embedding }) => [id, embedding[1]]));
  const count = { answered: 0, left: 0 };
  const one = async (index: number) => {
    const text = String(index);
    const docs = await encode([text], random() < LEAVING ? random() * 10 : undefined);
    if (docs === undefined) {
      count.left += 1;
      return;
    }
    assert.deepEqual(
      docs.map(({ id }) => id),
      [text],
    );
    // Each digit is a token of its own.
    const ids = [...text].map((digit) => idOf.get(digit));
    assert.deepEqual(docs[0]!.embedding.slice(1, ids.length + 2), [...ids, 49407]);
    count.answered += 1;
  };
  const run = async (from: number, to: number) => {
    let next = from;
    const client = async () => {
      while (next < to) await one(next++);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, client));
    await settled();
    // Idle ones the server ends in its own time, which the next round's first requests could meet.
    agent.destroy();
  };
  await run(0, REQUESTS);
  const bytes = [await residentBytes()];
  do {
    await run(0, REQUESTS);
    bytes.push(await residentBytes());
  } while (grows(bytes) && bytes.length <= ROUNDS);
  assert.equal(count.answered + count.left, REQUESTS * bytes.length);
  assert.ok(count.left > REQUESTS / 20, `only ${count.left} left early`);
  assert.ok(!grows(bytes), `memory after each round: ${bytes.join(', ')} bytes`);
});

function grows(bytes: readonly number[]): boolean {
  const [before, last] = bytes.slice(-2);
  return last! > before! * 1.05;
}

/** Once the server has given back what the traffic left free: the least until nothing less has come for a while. */
async function residentBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let unchanged = 0; unchanged < GIVEN_BACK_POLLS; unchanged++) {
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const bytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
    if (bytes < least) [least, unchanged] = [bytes, 0];
    await wait(POLL_MS);
  }
  return least;
}

/** Waits until the gauges of everything in flight stand at zero. */
async function settled(): Promise<void> {
  const gauges = [
    'clip_requests_in_flight',
    'clip_items_in_flight',
    'clip_request_bytes_in_flight',
    'clip_queue_length',
  ];
  let left: string[] = [];
  for (let turn = 0; turn < 200; turn++) {
    const lines = (await (await fetch(`${server.url}/metrics`)).text()).split('\n');
    left = lines.filter((line) => gauges.some((name) => line.startsWith(name)) && !line.endsWith(' 0'));
    if (left.length === 0) return;
    await wait(25);
  }
  assert.fail(`still in flight: ${left.join('; ')}`);
}
