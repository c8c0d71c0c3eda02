import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, ClipClientError, type Input } from '../../src/client/node.ts';
import { ClipError } from '../../src/errors.ts';
import { vectorOf } from '../protocol/fake-service.ts';
import { openRig, type Rig, SCHEMES } from './rig.ts';

const text = (value: string) => vectorOf({ kind: 'text', text: value });
async function faultOf(call: Promise<unknown>): Promise<ClipClientError> {
  try {
    await call;
  } catch (thrown) {
    assert.ok(thrown instanceof ClipClientError, String(thrown));
    return thrown;
  }
  throw new assert.AssertionError({ message: 'expected a fault' });
}

const quick = { attempts: 3, minMs: 1, maxMs: 20 };

for (const scheme of SCHEMES) {
  const on = (name: string, run: (client: Client, rig: Rig) => Promise<void>, options = {}) =>
    test(`${scheme}: ${name}`, { timeout: 120_000 }, async () => {
      const rig = await openRig();
      const client = new Client(rig.url(scheme), { retry: quick, concurrency: 4, batchSize: 3, ...options });
      try {
        await run(client, rig);
      } finally {
        await client.close();
        await rig[Symbol.asyncDispose]();
      }
    });

  on('every kind of input is sent as what it is', async (client, { service }) => {
    const inputs: Input[] = [
      'cat.jpg',
      { text: 'https://example.org/cat.png' },
      { blob: Uint8Array.of(1, 2, 3) },
      new Blob([Uint8Array.of(4, 5)]),
      { uri: 'https://example.org/x' },
      { tensor: new Uint8Array(12).fill(7), shape: [2, 2, 3] },
    ];
    const vectors = await client.encode(inputs);
    assert.deepEqual(vectors, [
      text('cat.jpg'),
      text('https://example.org/cat.png'),
      vectorOf({ kind: 'image', bytes: Uint8Array.of(1, 2, 3) }),
      vectorOf({ kind: 'image', bytes: Uint8Array.of(4, 5) }),
      vectorOf({ kind: 'uri', uri: 'https://example.org/x' }),
      vectorOf({ kind: 'tensor', tensor: { data: new Uint8Array(12).fill(7), shape: [2, 2, 3] } }),
    ]);
    assert.equal(service.seen.length, 6);
  });

  on('vectors come in the order of the inputs, whatever is ready first', async (client, { service }) => {
    let turn = 0;
    service.work = async () => {
      const late = turn++ % 3;
      for (let i = 0; i < late * 5; i += 1) await new Promise(setImmediate);
    };
    const inputs = Array.from({ length: 100 }, (_, i) => `text ${i}`);
    const seen: number[] = [];
    const onProgress = ({ done, total }: { done: number; total?: number }) => {
      assert.equal(total, 100);
      seen.push(done);
    };
    assert.deepEqual(await client.encode(inputs, { onProgress }), inputs.map(text));
    assert.equal(seen.at(-1), 100);
    assert.deepEqual(await client.encode([]), []);
  });

  on('an endless input is read no further than results are taken', async (client) => {
    let read = 0;
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield `text ${read++}`;
      } finally {
        closed = true;
      }
    }
    const stream = client.encodeStream(endless());
    for (let taken = 0; taken < 30; taken += 1) {
      const { value } = await stream.next();
      assert.deepEqual([value!.index, value!.vector], [taken, text(`text ${taken}`)]);
      assert.ok(read <= taken + 1 + 3 * (4 + 1), `${read} read, ${taken + 1} taken`);
    }
    await stream.return();
    for (let i = 0; i < 100 && !closed; i += 1) await new Promise(setImmediate);
    assert.ok(closed, 'the source is closed');
  });

  on('the first fault rejects and names item and code', async (client) => {
    const inputs = ['a', 'b', 'c', 'd', 'fail:invalid_image', 'f'];
    const error = await faultOf(client.encode(inputs));
    assert.equal(error.code, 'invalid_image');
    assert.equal(error.retryable, false);
    assert.deepEqual(error.batch, { first: 3, count: 3 });
    assert.match(error.requestId ?? '', /^[0-9a-f]{32}$/);
    if (scheme === 'http') assert.equal(error.index, 4);
  });

  on('with perItem a fault takes the place of its item alone', async (client) => {
    const results = await client.encode(['a', 'fail:invalid_image', 'c', '', 'e'], { perItem: true });
    const codes = results.map((result) => (result instanceof ClipClientError ? result.code : result));
    assert.deepEqual(codes, [text('a'), 'invalid_image', text('c'), 'invalid_input', text('e')]);
    assert.deepEqual(
      [1, 3].map((i) => (results[i] as ClipClientError).index),
      [1, 3],
    );
  });

  on('what may pass is tried again, and not what never will', async (client, { service }) => {
    service.work = async () => {
      service.work = async () => {};
      throw new ClipError('engine_failed', 'for once');
    };
    assert.deepEqual(await client.encode(['a']), [text('a')]);
    assert.equal(service.seen.length, 2);
    service.work = async () => {
      throw new ClipError('bad_vector', 'for good');
    };
    await assert.rejects(client.encode(['a']), { code: 'bad_vector' });
    assert.equal(service.seen.length, 3);
    service.work = async () => {
      throw new ClipError('engine_failed', 'always');
    };
    await assert.rejects(client.encode(['a']), { code: 'engine_failed' });
    assert.equal(service.seen.length, 6, 'three attempts');
    await assert.rejects(client.index(['a']), { code: 'engine_failed' });
    assert.equal(service.seen.length, 7, 'an index may have been written to');
  });

  on('an abort ends the call at once', async (client, { service }) => {
    const stop = new AbortController();
    service.work = () => {
      stop.abort();
      return new Promise(() => {});
    };
    await assert.rejects(client.encode(['a'], { signal: stop.signal }), { code: 'aborted' });
  });

  on(
    'an answer that does not come in time is a fault of its own',
    async (client, { service }) => {
      service.work = ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      const error = await faultOf(client.encode(['a']));
      assert.ok(['timeout', 'deadline_exceeded'].includes(error.code), error.code);
    },
    { timeoutMs: 50, retry: { attempts: 1 } },
  );

  on('candidates come best first, with both scores', async (client) => {
    const matches = await client.rank('q', ['a', { text: 'bbb', id: 'mine' }, 'cc']);
    assert.deepEqual(
      matches.map(({ index }) => index),
      [1, 2, 0],
    );
    assert.equal(matches[0]!.id, 'mine');
    assert.ok(Math.abs(matches[0]!.score - 0.035) < 1e-6 && Math.abs(matches[0]!.cosine - 0.2) < 1e-6);
    const groups = Array.from({ length: 9 }, (_, i) => ({
      query: `q${i}`,
      candidates: ['x', 'y'.repeat(i + 2)],
    }));
    const ranked = await client.rankGroups(groups);
    assert.deepEqual(
      ranked.map((group) => group.map(({ index }) => index)),
      groups.map(() => [1, 0]),
    );
    await assert.rejects(client.rank('q', []), { code: 'invalid_input' });
  });

  on('index and search give the documents back', async (client) => {
    const [indexed] = await client.index([{ text: 'a', id: 'mine' }]);
    assert.deepEqual([indexed!.id, indexed!.embedding], ['mine', text('a')]);
    const found = await client.search(['a', 'b'], { limit: 3 });
    assert.deepEqual(
      found.map(({ embedding }) => embedding),
      [text('a'), text('b')],
    );
    await assert.rejects(
      client.index([
        { text: 'a', id: 'x' },
        { text: 'b', id: 'x' },
      ]),
      { index: 1 },
    );
  });

  on('profile, info and ready tell of the server', async (client, { reasons }) => {
    const profile = await client.profile('a');
    assert.ok(profile.serverMs >= profile.modelMs && profile.modelMs >= 0 && profile.roundTripMs > 0);
    assert.ok((await client.profile()).roundTripMs > 0);
    assert.equal((await client.info()).versions.model, 'fake::model');
    assert.deepEqual(await client.ready(), { ready: true, reasons: [] });
    reasons.push('no engine');
    const state = await client.ready();
    assert.equal(state.ready, false);
    assert.match(state.reasons.join(), /no engine/);
  });

  test(`${scheme}: a server that is not there is a fault of the connection`, async () => {
    const rig = await openRig();
    const url = rig.url(scheme);
    await rig[Symbol.asyncDispose]();
    const client = new Client(url, { retry: { attempts: 2, minMs: 1 } });
    await assert.rejects(client.encode(['a']), { code: 'connection_failed', retryable: true });
    assert.equal((await client.ready()).ready, false);
    await client.close();
    await assert.rejects(client.encode(['a']), { code: 'closed' });
  });
}

test('inputs that cannot be sent are told before anything is', async () => {
  const client = new Client('http://127.0.0.1:9');
  const wrong: [unknown, RegExp][] = [
    ['a string', /expected a list.*a string/],
    [[5], /expected an input, got 5/],
    [[{}], /one of text, blob, uri, file, tensor, got none/],
    [[{ text: 'a', uri: 'b' }], /text and uri/],
    [[{ blob: new Uint8Array() }], /no bytes/],
    [[{ file: '/nonexistent/x.jpg' }], /readable file/],
    [[{ tensor: new Uint8Array(5), shape: [2, 2] }], /a shape that holds the 5 values/],
  ];
  for (const [inputs, message] of wrong)
    await assert.rejects(client.encode(inputs as Input[]), { code: 'invalid_input', message });
  await client.close();
});

test('servers and options that cannot be used are refused at once', () => {
  for (const url of ['other://x', 'localhost:1', 'http://u:p@x', 'grpc://x/path', 'http://x?y'])
    assert.throws(() => new Client(url), { code: 'invalid_input' });
  for (const options of [
    { batchSize: 0 },
    { concurrency: 1.5 },
    { timeoutMs: -1 },
    { retry: { attempts: 0 } },
  ])
    assert.throws(() => new Client('http://x', options), { code: 'invalid_input' });
});
