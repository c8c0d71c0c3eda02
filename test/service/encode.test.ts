import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipError } from '../../src/errors.ts';
import { readiness } from '../../src/observe/health.ts';
import type { Item } from '../../src/service/item.ts';
import { fakeVector } from '../engine/fake.ts';
import { turn } from '../schedule/wound-clock.ts';
import { House, vectorOrCode } from './house.ts';

const text = (value: string | number): Item => ({ kind: 'text', text: String(value) });
const image = (value: string | number): Item => ({ kind: 'image', bytes: Buffer.from(String(value)) });
const uri = (value: string): Item => ({ kind: 'uri', uri: value });
const tensor = (value: number): Item => ({
  kind: 'tensor',
  tensor: { shape: [1, 1], data: Float32Array.of(value) },
});

test('items of all kinds come back in their order; one that fails does not touch the others', async () => {
  const house = await House.open();
  const items = [
    uri('http://host/1'),
    text(2),
    image('bad'),
    image(3),
    tensor(4),
    text('bad'),
    uri('data:,5'),
    uri('http://host/bad'),
    text(6),
  ];
  const outcomes = await house.service.encode(items, house.context());
  assert.deepEqual(outcomes.map(vectorOrCode), [
    fakeVector(1),
    fakeVector(2),
    'invalid_image',
    fakeVector(3),
    fakeVector(4),
    'invalid_image',
    fakeVector(5),
    'invalid_image',
    fakeVector(6),
  ]);
  const counts = await house.metrics.registry.getSingleMetric('clip_items_total')!.get();
  assert.deepEqual(counts.values.map(({ labels, value }) => [labels.tower, labels.code, value]).sort(), [
    ['image', 'invalid_image', 2],
    ['image', 'ok', 4],
    ['text', 'invalid_image', 1],
    ['text', 'ok', 2],
  ]);
  assert.equal(house.scheduler.pending, 0);
});

test('a text that is too long is counted under the name of its limit', async () => {
  const house = await House.open();
  const codes = (await house.service.encode([text('long'), text('bad'), text(1)], house.context())).map(
    vectorOrCode,
  );
  assert.deepEqual(codes, ['text_too_long', 'invalid_image', fakeVector(1)]);
  const { values } = await house.metrics.registry.getSingleMetric('clip_limit_reached_total')!.get();
  assert.deepEqual(
    values.map(({ labels, value }) => [labels.limit, value]),
    [['text_characters', 1]],
  );
});

test('a request of many items is no leak of listeners to Node', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => void warnings.push(warning);
  process.on('warning', hear);
  const listening = (signal: AbortSignal) =>
    new Promise<Uint8Array>((resolve) => {
      const listener = () => {};
      signal.addEventListener('abort', listener);
      setImmediate(() => {
        signal.removeEventListener('abort', listener);
        resolve(Buffer.from('1'));
      });
    });
  for (const deadline of [undefined, performance.now() + 60_000]) {
    const uris = { load: (_: string, signal: AbortSignal) => listening(signal) };
    const house = await House.open({ uris, urisAtOnce: 20 });
    const items = Array.from({ length: 20 }, () => uri('http://host/1'));
    await house.service.encode(items, house.context({ deadline }));
  }
  await turn();
  process.off('warning', hear);
  assert.deepEqual(warnings, []);
});

test('no items are no outcomes', async () => {
  const house = await House.open();
  assert.deepEqual(await house.service.encode([], house.context()), []);
});

test('thousands of texts leave the event loop room to breathe, and travel in full batches', async () => {
  const house = await House.open({
    tokenizer: {
      contextLength: 1,
      encode(value) {
        const until = performance.now() + 0.05;
        while (performance.now() < until);
        return { ids: Int32Array.of(Number(value)), length: 1 };
      },
      take: (ids) => ({ ids: Int32Array.from(ids), length: ids.length }),
    },
  });
  const items = Array.from({ length: 1000 }, (_, i) => text(i + 1));
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  count();
  const outcomes = await house.service.encode(items, house.context());
  over = true;
  assert.deepEqual(
    outcomes.map(vectorOrCode),
    items.map((_, i) => fakeVector(i + 1)),
  );
  // 1000 × 0.05 ms are 50 slices of 1 ms.
  assert.ok(turns >= 40, `${turns} turns`);
});

test('pictures are not decoded further ahead of the engines than two batches', async () => {
  const house = await House.open();
  house.images.held = true;
  const items = Array.from({ length: 50 }, (_, i) => image(i + 1));
  const outcomes = house.service.encode(items, house.context());
  await turn();
  const inEngine = house.images.running[0]!.length;
  assert.ok(house.decoded <= inEngine + 2 * house.maxBatch, `${house.decoded} decoded`);
  house.images.held = false;
  house.images.release();
  assert.deepEqual(
    (await outcomes).map(vectorOrCode),
    items.map((_, i) => fakeVector(i + 1)),
  );
});

test('hosts that do not answer hold up neither pictures that are at hand nor texts', async () => {
  const house = await House.open();
  let answer = () => {};
  house.hold = new Promise((resolve) => {
    answer = resolve;
  });
  const slow = Array.from({ length: 20 }, (_, i) => uri(`http://slow/${i + 1}`));
  const waiting = house.service.encode(slow, house.context());
  const items = [image(1), uri('data:,2'), tensor(3), text(4)];
  const outcomes = await house.service.encode(items, house.context());
  assert.deepEqual(outcomes.map(vectorOrCode), [1, 2, 3, 4].map(fakeVector));
  assert.equal(house.loads.filter((each) => each.startsWith('http')).length, 3);
  answer();
  assert.deepEqual(
    (await waiting).map(vectorOrCode),
    slow.map((_, i) => fakeVector(i + 1)),
  );
});

test('when the client leaves, everything that is under way ends as cancelled', async () => {
  const house = await House.open();
  house.texts.held = true;
  house.images.held = true;
  house.hold = new Promise(() => {});
  const client = new AbortController();
  const items = [...Array.from({ length: 20 }, (_, i) => image(i)), text(1), uri('data:,7')];
  const outcomes = house.service.encode(items, house.context({ signal: client.signal }));
  await turn();
  client.abort();
  assert.deepEqual(new Set((await outcomes).map(vectorOrCode)), new Set(['cancelled']));
  assert.ok(house.decoded < 20);
  house.texts.release();
  house.images.release();
  await turn();
  assert.equal(house.scheduler.pending, 0);
});

test('a deadline that has passed is answered before anything is done', async () => {
  const house = await House.open();
  const context = house.context({ deadline: performance.now() - 1 });
  const outcomes = await house.service.encode([text(1), image(2), uri('data:,3')], context);
  assert.deepEqual(outcomes.map(vectorOrCode), Array(3).fill('deadline_exceeded'));
  await turn();
  assert.deepEqual([...house.texts.seen, ...house.images.seen], []);
  assert.equal(house.scheduler.pending, 0);
});

test('a deadline that passes while engines are busy ends the wait', async () => {
  const house = await House.open();
  house.texts.held = true;
  house.images.held = true;
  const context = house.context({ deadline: performance.now() + 1 });
  const outcomes = await house.service.encode([text(1), image(2)], context);
  assert.deepEqual(outcomes.map(vectorOrCode), ['deadline_exceeded', 'deadline_exceeded']);
  house.texts.release();
  house.images.release();
});

test('ranking encodes everything in one go, and ranks each query among its own matches', async () => {
  const house = await House.open();
  const ranked = await house.service.rank(
    [
      { query: text(3), matches: [text(-3), image(3), text(2)] },
      { query: image(1), matches: [tensor(9)] },
    ],
    house.context(),
  );
  assert.deepEqual(
    ranked.map(({ query, matches }) => [[...query], matches.map(({ index }) => index)]),
    [
      [fakeVector(3), [1, 2, 0]],
      [fakeVector(1), [0]],
    ],
  );
  assert.equal(ranked[1]!.matches[0]!.score, 1);
});

const fails = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof ClipError && error.code === code && pattern.test(error.message);

test('ranking is all or nothing', async () => {
  const house = await House.open();
  const rank = (...groups: { query: Item; matches: Item[] }[]) => house.service.rank(groups, house.context());
  await assert.rejects(
    rank({ query: text(1), matches: [text(2)] }, { query: text(1), matches: [] }),
    fails('rank_failed', /match for query 1/),
  );
  await assert.rejects(
    rank({ query: text(1), matches: [text(2), image('bad')] }),
    fails('invalid_image', /bad one/),
  );
  assert.deepEqual(await rank(), []);
});

test('a service says what it is', async () => {
  const house = await House.open();
  const { model, width, resolution, contextLength } = house.service.describe();
  assert.deepEqual(
    { model, width, resolution, contextLength },
    { model: 'fake', width: 4, resolution: 1, contextLength: 1 },
  );
  assert.match(
    await house.metrics.text(),
    /clip_engine_info\{model="fake",tower="image",runtime="fake",device="cpu",precision="fp32",reason=""\} 1/,
  );
});

test('draining: not ready at once, what is in flight is answered, new requests are refused', async () => {
  const house = await House.open();
  house.texts.held = true;
  const context = house.context();
  const outcomes = house.service.encode([text(1)], context);
  assert.deepEqual(readiness(house.service.vitals()), { ready: true, reasons: [] });
  const drained = house.service.drain(60_000);
  assert.deepEqual(readiness(house.service.vitals()), {
    ready: false,
    reasons: ['the server is shutting down'],
  });
  assert.throws(() => house.service.admit(), fails('draining', /shutting down/));
  await turn();
  house.texts.release();
  assert.deepEqual((await outcomes).map(vectorOrCode), [fakeVector(1)]);
  context.permit.release();
  await drained;
});

test('readiness names every reason', () => {
  assert.deepEqual(readiness(undefined).reasons, ['the model is still being loaded']);
  assert.deepEqual(readiness({ serving: { text: 0, image: 2 }, draining: true }).reasons, [
    'the server is shutting down',
    'no engine of the text tower is serving',
  ]);
  const neither = readiness({ serving: { text: 0, image: 0 }, draining: false });
  assert.deepEqual([neither.ready, neither.reasons.length], [false, 2]);
  assert.equal(readiness({ serving: { text: 1, image: 1 }, draining: false }).ready, true);
});

test('a picture waits for two batches at most, however many another request has brought', async () => {
  const house = await House.open();
  house.images.held = true;
  const bulk = house.service.encode(
    Array.from({ length: 200 }, (_, i) => image(i + 1)),
    house.context(),
  );
  await turn();
  const small = house.service.encode([image(-1)], house.context());
  await turn();
  // The batch that runs makes room for it, and the next takes it.
  const waited = () => house.images.seen.findIndex((keys) => keys.includes(-1));
  for (let batch = 0; batch < 2 && waited() < 0; batch++) {
    house.images.release();
    await turn();
  }
  assert.ok(waited() > 0, 'seen by an engine');
  house.images.held = false;
  house.images.release();
  assert.deepEqual((await small).map(vectorOrCode), [fakeVector(-1)]);
  assert.equal((await bulk).length, 200);
});

test('requests of one source take their turns together', async () => {
  const house = await House.open();
  house.texts.held = true;
  const source = {};
  const encode = (key: number, more: object) => house.service.encode([text(key)], house.context(more));
  const first = encode(0, {});
  await turn();
  const stream = Array.from({ length: 20 }, (_, i) => encode(i + 1, { source }));
  const other = encode(-1, {});
  await turn();
  house.texts.held = false;
  house.texts.release();
  await Promise.all([first, other, ...stream]);
  assert.deepEqual(house.texts.seen.slice(0, 3), [[0], [1, -1, 2, 3], [4, 5, 6, 7]]);
});

test('a URI waits for its turn to be loaded, not for all that another request names', async () => {
  const house = await House.open();
  let answer = () => {};
  house.hold = new Promise((resolve) => {
    answer = resolve;
  });
  const many = Array.from({ length: 20 }, (_, i) => uri(`http://host/${i + 1}`));
  const bulk = house.service.encode(many, house.context());
  const small = house.service.encode([uri('http://host/-1')], house.context());
  await turn();
  answer();
  await Promise.all([bulk, small]);
  const position = house.loads.indexOf('http://host/-1');
  assert.ok(position > 0 && position <= 4, `loaded as number ${position}`);
});
