import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { ClipError } from '../../../src/errors.ts';
import { vectorOf } from '../fake-service.ts';
import { CALL, duplex, exchange, openRig, outcome, readReply, request, SINGLE, unary, until } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };

test('each request of a stream is answered, long after the client has closed its side', TIMEOUT, async () => {
  await using rig = await openRig();
  const requests = Array.from({ length: 50 }, (_, i) => request(`r${i}`, [`text ${i}`, 'b']));
  const { messages, status: end } = await exchange(rig.client(), requests);
  assert.equal(end.code, status.OK);
  const replies = new Map(messages.map((message) => [readReply(message).id, readReply(message)]));
  assert.equal(replies.size, 50);
  for (let i = 0; i < 50; i++)
    assert.deepEqual(replies.get(`r${i}`), {
      id: `r${i}`,
      exception: undefined,
      documents: [
        { id: `r${i}-0`, embedding: vectorOf({ kind: 'text', text: `text ${i}` }) },
        { id: `r${i}-1`, embedding: vectorOf({ kind: 'text', text: 'b' }) },
      ],
    });
});

test('a call without messages ends with OK', TIMEOUT, async () => {
  await using rig = await openRig();
  const { messages, status: end } = await exchange(rig.client(), []);
  assert.deepEqual([messages.length, end.code], [0, status.OK]);
});

/** Work that is held back, until each is let go. */
function holdWork(rig: Awaited<ReturnType<typeof openRig>>): (() => void)[] {
  const held: (() => void)[] = [];
  rig.service.work = () => new Promise((resolve) => held.push(resolve));
  return held;
}

for (const [asked, flow, expected] of [
  ['2', 5, 2],
  ['0', 3, 3],
  ['many', 3, 3],
  [undefined, 3, 3],
] as const)
  test(`__prefetch__ ${asked} with prefetch ${flow} works on ${expected} at a time`, TIMEOUT, async () => {
    await using rig = await openRig({ gateway: { prefetch: flow } });
    const held = holdWork(rig);
    const requests = Array.from({ length: 8 }, (_, i) => request(`r${i}`, ['x']));
    const ended = exchange(rig.client(), requests, asked === undefined ? {} : { __prefetch__: asked });
    let most = 0;
    for (let done = 0; done < 8; done++) {
      await until(() => held.length >= Math.min(expected, 8 - done));
      most = Math.max(most, held.length);
      held.shift()!();
    }
    assert.equal((await ended).messages.length, 8);
    assert.equal(most, expected);
  });

test('a prefetch of 0 in the flow is no bound', TIMEOUT, async () => {
  await using rig = await openRig({ gateway: { prefetch: 0 } });
  const held = holdWork(rig);
  const requests = Array.from({ length: 1200 }, (_, i) => request(`r${i}`, ['x']));
  const ended = exchange(rig.client(), requests);
  await until(() => held.length === 1200);
  for (const release of held) release();
  assert.equal((await ended).messages.length, 1200);
});

for (const inOrder of [true, false])
  test(
    `replies come ${inOrder ? 'in the order of the requests' : 'as they are ready'}`,
    TIMEOUT,
    async () => {
      await using rig = await openRig();
      const held = holdWork(rig);
      const requests = ['a', 'b', 'c'].map((id) => request(id, ['x']));
      const ended = exchange(rig.client(), requests, inOrder ? { __results_in_order__: 'true' } : {});
      await until(() => held.length === 3);
      for (const release of held.reverse()) {
        release();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ids = (await ended).messages.map((message) => readReply(message).id);
      assert.deepEqual(ids, inOrder ? ['a', 'b', 'c'] : ['c', 'b', 'a']);
    },
  );

test('a request that fails is told so in its reply, and the stream goes on', TIMEOUT, async () => {
  await using rig = await openRig();
  const { messages, status: end } = await exchange(rig.client(), [
    request('bad', ['fail:invalid_image']),
    request('good', ['x']),
  ]);
  assert.equal(end.code, status.OK);
  const replies = messages.map(readReply).sort((a, b) => a.id.localeCompare(b.id));
  assert.deepEqual(
    replies.map(({ id, exception }) => [id, exception]),
    [
      ['bad', 'UnidentifiedImageError'],
      ['good', undefined],
    ],
  );
});

test('a message that is no request ends the call, after the answers in flight', TIMEOUT, async () => {
  await using rig = await openRig();
  const junk = Buffer.from([0xff, 0xff, 0xff]);
  const { messages, status: end } = await exchange(rig.client(), [request('a', ['x']), junk]);
  assert.equal(messages.length, 1);
  assert.equal(end.code, status.INVALID_ARGUMENT);
  assert.match(end.details, /expected a protobuf message/);
  assert.deepEqual(end.metadata.get('clip-error'), ['invalid_request']);
});

test('a server that does not serve ends the call, so that clients go elsewhere', TIMEOUT, async () => {
  await using rig = await openRig();
  rig.service.refusal = new ClipError('not_ready', 'the model is still being loaded');
  const { messages, status: end } = await exchange(rig.client(), [request('a', ['x'])]);
  assert.deepEqual([messages.length, end.code], [0, status.UNAVAILABLE]);
  assert.match(end.details, /the model is still being loaded/);
});

test('details of any length and in any letters reach the client', TIMEOUT, async () => {
  await using rig = await openRig();
  rig.service.refusal = new ClipError('not_ready', `100 % \ud800 ${'å'.repeat(100_000)}`);
  const { status: end } = await exchange(rig.client(), [request('a', ['x'])]);
  assert.equal(end.code, status.UNAVAILABLE);
  assert.match(end.details, /^100 % \ufffd å+…$/);
});

test('one request alone is answered', TIMEOUT, async () => {
  await using rig = await openRig();
  const reply = readReply(await unary(rig.client(), SINGLE, request('one', ['x'])));
  assert.deepEqual(reply.documents, [{ id: 'one-0', embedding: vectorOf({ kind: 'text', text: 'x' }) }]);
  const count = await rig.metrics.registry.getSingleMetricAsString('clip_requests_total');
  assert.match(
    count,
    /protocol="grpc",route="\/jina.JinaSingleDataRequestRPC\/process_single_data",code="ok"} 1/,
  );
});

test('a client that leaves ends the work on its behalf', TIMEOUT, async () => {
  await using rig = await openRig();
  const signals: AbortSignal[] = [];
  rig.service.work = ({ signal }) => {
    signals.push(signal);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  };
  const stream = duplex(rig.client());
  const ended = outcome(stream);
  for (const id of ['a', 'b']) stream.write(request(id, ['x']));
  await until(() => signals.length === 2);
  stream.cancel();
  assert.equal((await ended).status.code, status.CANCELLED);
  await until(() => signals.every(({ aborted }) => aborted) && rig.service.open === 0);
  assert.equal((signals[0]!.reason as ClipError).code, 'cancelled');
});

test("the call's deadline comes with each request", TIMEOUT, async () => {
  await using rig = await openRig();
  const deadlines: (number | undefined)[] = [];
  rig.service.work = async ({ deadline }) => void deadlines.push(deadline);
  const client = rig.client();
  const at = performance.now() + 60_000;
  await unary(client, SINGLE, request('a', ['x']), Date.now() + 60_000);
  await unary(client, SINGLE, request('a', ['x']));
  assert.ok(Math.abs(deadlines[0]! - at) < 10_000);
  assert.equal(deadlines[1], undefined);
});

test('a deadline that passes ends the call and the work', TIMEOUT, async () => {
  await using rig = await openRig();
  const reasons: unknown[] = [];
  rig.service.work = ({ signal }) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () => {
        reasons.push((signal.reason as ClipError).code);
        resolve();
      }),
    );
  const client = rig.client();
  // The time is the work's: the connection stands already.
  await exchange(client, []);
  const stream = duplex(client, CALL, {}, Date.now() + 1000);
  const ended = outcome(stream);
  stream.write(request('a', ['x']));
  assert.equal((await ended).status.code, status.DEADLINE_EXCEEDED);
  await until(() => reasons.length === 1);
  assert.ok(['deadline_exceeded', 'cancelled'].includes(String(reasons[0])));
  await until(() => rig.service.open === 0);
});

test('a method that there is not is UNIMPLEMENTED', TIMEOUT, async () => {
  await using rig = await openRig();
  for (const path of ['/jina.JinaDataRequestRPC/process_data', '/nothing/here'])
    await assert.rejects(unary(rig.client(), path), { code: status.UNIMPLEMENTED });
});

test(
  '10,000 replies reach a slow reader, and the server waits with them within its bound',
  TIMEOUT,
  async () => {
    const streamBytes = 2 ** 18;
    await using rig = await openRig({ gateway: { prefetch: 0 }, limits: { streamBytes } });
    const stream = duplex(rig.client());
    const texts = Array.from({ length: 8 }, () => 'x'.repeat(100));
    let sent = 0;
    const write = (): void => {
      while (sent < 10_000)
        if (!stream.write(request(`r${sent++}`, texts))) return void stream.once('drain', write);
      stream.end();
    };
    write();
    // A first look makes the client keep what comes out of its memory; nobody reads on, and the server takes no more requests.
    stream.read(0);
    let before = -1;
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const still = rig.service.admitted === before;
      before = rig.service.admitted;
      return still && before > 0;
    });
    assert.ok(before < 5000, `${before} requests were worked on for a client that reads nothing`);
    const ids = new Set<string>();
    for await (const message of stream) ids.add(readReply(message).id);
    assert.equal(ids.size, 10_000);
  },
);
