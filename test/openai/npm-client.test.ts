import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { openRig } from '../client/rig.ts';
import { testModel } from '../models/test-model.ts';
import { vectorOf } from '../protocol/fake-service.ts';
import { serveModel } from '../server/start.ts';
import { MoodyService } from './moody-service.ts';

const KEY = 'sk-of-the-openai-tests';
const MODEL = 'fake::model';
const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==';
const TIMEOUT = { timeout: 60_000 };

function unit(values: Iterable<number>): number[] {
  const all = [...values];
  const length = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0));
  return Array.from(Float32Array.from(all, (value) => value / length));
}

const ofText = (text: string, components = 4) =>
  unit(vectorOf({ kind: 'text', text }).subarray(0, components));

/** What of OpenAI's types its clients do not know; the body goes out as it is. */
// biome-ignore lint/suspicious/noExplicitAny: an extension of the API has no types in the client
const extended = (input: unknown): any => input;

async function openClient(options: { maxRetries?: number; timeout?: number; apiKey?: string } = {}) {
  const service = new MoodyService();
  const rig = await openRig([KEY], service);
  const client = new OpenAI({ baseURL: `${rig.url('http')}/v1`, apiKey: KEY, maxRetries: 0, ...options });
  return { client, service, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

test(
  'openai (npm): single, batch, token ids, usage, and the base64 that it asks for unasked',
  TIMEOUT,
  async () => {
    await using rig = await openClient();
    const { create } = rig.client.embeddings;
    const embed = (input: unknown, options = {}) =>
      create.call(rig.client.embeddings, { model: MODEL, input: extended(input), ...options });
    const one = await embed('a red apple');
    assert.deepEqual([one.object, one.model, one.data.length], ['list', MODEL, 1]);
    assert.deepEqual(one.data[0], { object: 'embedding', index: 0, embedding: ofText('a red apple') });
    assert.deepEqual(one.usage, { prompt_tokens: 5, total_tokens: 5 });
    const words = Array.from({ length: 100 }, (_, i) => `word ${i}`);
    for (const encoding_format of ['float', undefined]) {
      const { data } = await embed(words, { encoding_format, user: 'u-1' });
      assert.deepEqual(
        data.map(({ index }) => index),
        words.map((_, i) => i),
      );
      assert.deepEqual(
        data.map(({ embedding }) => embedding),
        words.map((word) => ofText(word)),
      );
    }
    const ids = [49406, 320, 736, 49407];
    for (const input of [ids, [ids, ids]]) {
      const { data, usage } = await embed(input);
      assert.deepEqual(data[0]!.embedding, unit(vectorOf({ kind: 'tokens', ids })));
      assert.equal(usage.total_tokens, 4 * data.length);
    }
    const kept = await embed('a red apple', { encoding_format: 'base64' });
    assert.equal(typeof kept.data[0]!.embedding, 'string');
    const { data } = await embed('a red apple', { dimensions: 2 });
    assert.deepEqual(data[0]!.embedding, ofText('a red apple', 2));
  },
);

test('openai (npm): pictures beside texts', TIMEOUT, async () => {
  await using rig = await openClient();
  const picture = unit(vectorOf({ kind: 'uri', uri: PIXEL }));
  const input = extended([PIXEL, { image: PIXEL }, { text: 'b' }, 'c']);
  const { data } = await rig.client.embeddings.create({ model: MODEL, input });
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [picture, picture, ofText('b'), ofText('c')],
  );
});

test('openai (npm): models by their names', TIMEOUT, async () => {
  await using rig = await openClient();
  const ids: string[] = [];
  for await (const { id } of rig.client.models.list()) ids.push(id);
  assert.deepEqual(ids, [MODEL]);
  for (const name of [MODEL, 'Fa/ke@1']) assert.equal((await rig.client.models.retrieve(name)).id, MODEL);
  await assert.rejects(rig.client.models.retrieve('other'), OpenAI.NotFoundError);
});

test('openai (npm): a fault is the exception of its kind, with parameter and code', TIMEOUT, async () => {
  await using rig = await openClient();
  const { embeddings } = rig.client;
  const { BadRequestError, InternalServerError, NotFoundError, RateLimitError } = OpenAI;
  const cases: [object, new (...args: never[]) => Error, string | null, string][] = [
    [{ model: 'other' }, NotFoundError, 'model', 'model_not_found'],
    [{ input: [] }, BadRequestError, 'input', 'invalid_request'],
    [{ input: [1, 2, 'a'] }, BadRequestError, 'input[2]', 'invalid_request'],
    [{ input: ['a', 'fail:invalid_image'] }, BadRequestError, 'input[1]', 'invalid_image'],
    [{ dimensions: 5 }, BadRequestError, 'dimensions', 'invalid_request'],
    [{ input: new Array(4097).fill('a') }, BadRequestError, null, 'too_many_items'],
    [{ input: 'busy:overloaded:9:a' }, RateLimitError, null, 'rate_limit_exceeded'],
    [{ input: 'busy:engine_failed:9:a' }, InternalServerError, null, 'engine_failed'],
  ];
  for (const [body, kind, param, code] of cases)
    await assert.rejects(
      embeddings.create({ model: MODEL, input: 'a', ...extended(body) }),
      (error: InstanceType<typeof OpenAI.APIError>) => {
        assert.ok(error instanceof kind, `${error} for ${JSON.stringify(body).slice(0, 80)}`);
        assert.deepEqual([error.param, error.code], [param, code]);
        assert.match(error.message, /^\d{3} .*expected|^404 model: the model "other"|^4\d\d .*at most/);
        return true;
      },
    );
});

test('openai (npm): a wrong key is an AuthenticationError', TIMEOUT, async () => {
  await using rig = await openClient({ apiKey: 'sk-of-somebody-else' });
  await assert.rejects(
    rig.client.embeddings.create({ model: MODEL, input: 'a' }),
    (error: InstanceType<typeof OpenAI.AuthenticationError>) => {
      assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
      assert.deepEqual(
        [error.status, error.code, error.type],
        [401, 'invalid_api_key', 'invalid_request_error'],
      );
      assert.ok(!error.message.includes('somebody'), error.message);
      return true;
    },
  );
  await assert.rejects(rig.client.models.list(), OpenAI.AuthenticationError);
  assert.equal(rig.service.admitted, 0);
});

test('openai (npm): its timeout ends the work in the server too', TIMEOUT, async () => {
  await using rig = await openClient({ timeout: 1000 });
  const hanging = rig.client.embeddings.create({ model: MODEL, input: 'hang:' });
  await assert.rejects(hanging, OpenAI.APIConnectionTimeoutError);
  while (rig.service.left === 0) await new Promise((resolve) => setImmediate(resolve));
});

test(
  'openai (npm): it tries again where the server is busy, and not where that is of no use',
  TIMEOUT,
  async () => {
    await using rig = await openClient({ maxRetries: 2 });
    const { embeddings } = rig.client;
    const moods = ['busy:overloaded:1:x', 'busy:queue_timeout:1:x'];
    const answers = await Promise.all(moods.map((input) => embeddings.create({ model: MODEL, input })));
    assert.deepEqual(
      answers.map(({ data }) => data[0]!.embedding),
      moods.map((mood) => ofText(mood)),
    );
    assert.equal(rig.service.admitted, 4);
    for (const [input, error] of [
      ['fail:invalid_image', OpenAI.BadRequestError],
      ['busy:bad_vector:9:x', OpenAI.InternalServerError],
    ] as const) {
      const before: number = rig.service.admitted;
      await assert.rejects(embeddings.create({ model: MODEL, input }), error);
      assert.equal(rig.service.admitted - before, 1, input);
    }
  },
);

test(
  'openai (npm): a real model gives the vectors of /encode at length 1, by every name',
  TIMEOUT,
  async () => {
    const server = await serveModel(await testModel('tiny'), { encoder: { name: 'my-clip' } });
    try {
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none is asked for', maxRetries: 0 });
      const { body } = await server.post('/encode', { data: [{ text: 'a red apple' }, { uri: PIXEL }] });
      const expected = body.data.map(({ embedding }: { embedding: number[] }) => unit(embedding));
      const input = extended(['a red apple', { image: PIXEL }]);
      const { data, usage } = await client.embeddings.create({ model: 'my-clip', input });
      assert.deepEqual(
        data.map(({ embedding }) => embedding),
        expected,
      );
      assert.deepEqual(usage, { prompt_tokens: 5, total_tokens: 5 });
      const ids = [49406, 320, 736, 3055, 49407];
      const same = await client.embeddings.create({ model: 'my-clip', input: ids });
      assert.deepEqual(same.data[0]!.embedding, expected[0]);
      // What other libraries send unless told otherwise: ids of OpenAI's own models.
      await assert.rejects(client.embeddings.create({ model: 'my-clip', input: [[64, 2579, 24149]] }), {
        status: 400,
        param: 'input[0]',
      });
    } finally {
      await server.close();
    }
  },
);
