import assert from 'node:assert/strict';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import type { Item } from '../../src/service/item.ts';
import { vectorOf } from './fake-service.ts';
import { onBothServers } from './rig.ts';

const MODEL = 'fake::model';
const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==';
const BASE64 = PIXEL.slice(PIXEL.indexOf(',') + 1);
const IDS = [49406, 320, 49407];
const raw = (item: Item) => Array.from(vectorOf(item));
const text = (value: string): Item => ({ kind: 'text', text: value });

/** In double precision, then float32. */
function unit(values: readonly number[]): number[] {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return Array.from(Float32Array.from(values, (value) => value / length));
}

onBothServers((on) => {
  on(
    'an answer has the keys of OpenAI, vectors of length 1, and the tokens of the texts',
    async ({ post }) => {
      const { status, headers, body } = await post('/v1/embeddings', {
        model: MODEL,
        input: ['a red apple', 'b'],
      });
      assert.deepEqual([status, headers.get('content-type')], [200, 'application/json']);
      assert.deepEqual(body, {
        object: 'list',
        data: ['a red apple', 'b'].map((value, index) => ({
          object: 'embedding',
          index,
          embedding: unit(raw(text(value))),
        })),
        model: MODEL,
        usage: { prompt_tokens: 8, total_tokens: 8 },
      });
    },
  );

  on(
    'inputs: texts, token ids, and pictures in the ways of Jina and Infinity, in any mixture',
    async (rig) => {
      const cases: [unknown, Item[]][] = [
        ['one', [text('one')]],
        [{ text: 'one' }, [text('one')]],
        [IDS, [{ kind: 'tokens', ids: IDS }]],
        [
          [IDS, IDS],
          [
            { kind: 'tokens', ids: IDS },
            { kind: 'tokens', ids: IDS },
          ],
        ],
        [PIXEL, [{ kind: 'uri', uri: PIXEL }]],
        [{ image: PIXEL }, [{ kind: 'uri', uri: PIXEL }]],
        [{ image: 'https://a.example/b.png' }, [{ kind: 'uri', uri: 'https://a.example/b.png' }]],
        [{ image: BASE64, text: null }, [{ kind: 'image', bytes: Buffer.from(BASE64, 'base64') }]],
        [['https://a.example/b.png'], [text('https://a.example/b.png')]],
        [
          ['x', PIXEL, { text: PIXEL }, { image: PIXEL }, IDS],
          [
            text('x'),
            { kind: 'uri', uri: PIXEL },
            text(PIXEL),
            { kind: 'uri', uri: PIXEL },
            { kind: 'tokens', ids: IDS },
          ],
        ],
      ];
      for (const [input, items] of cases) {
        rig.service.seen.length = 0;
        const { status, body } = await rig.post('/v1/embeddings', { model: MODEL, input });
        assert.equal(status, 200, JSON.stringify(body));
        assert.deepEqual(rig.service.seen, items);
      }
      rig.service.seen.length = 0;
      await rig.post('/v1/embeddings', { model: MODEL, input: ['https://a.example/b'], modality: 'image' });
      await rig.post('/v1/embeddings', { model: MODEL, input: PIXEL, modality: 'text' });
      assert.deepEqual(rig.service.seen, [{ kind: 'uri', uri: 'https://a.example/b' }, text(PIXEL)]);
    },
  );

  on('pictures count as no tokens', async ({ post }) => {
    const { body } = await post('/v1/embeddings', { model: MODEL, input: [PIXEL, 'a b', IDS] });
    assert.deepEqual(body.usage, { prompt_tokens: 7, total_tokens: 7 });
  });

  on('forms: base64, dimensions, raw vectors, integers', async ({ post }) => {
    const embed = async (parameters: object) => {
      const { status, body } = await post('/v1/embeddings', { model: MODEL, input: 'a', ...parameters });
      assert.equal(status, 200, JSON.stringify(body));
      return body;
    };
    const vector = raw(text('a'));
    const base64 = (await embed({ encoding_format: 'base64' })).data[0].embedding;
    const bytes = Buffer.from(base64, 'base64');
    assert.deepEqual(
      Array.from({ length: 4 }, (_, i) => bytes.readFloatLE(4 * i)),
      unit(vector),
    );
    const cut = await embed({ dimensions: 2 });
    assert.deepEqual(cut.data[0].embedding, unit(vector.slice(0, 2)));
    assert.match(cut.warnings[0], /fake::model is not trained for vectors of 2 dimensions/);
    for (const parameters of [{ normalize: false }, { normalise: false }])
      assert.deepEqual((await embed(parameters)).data[0].embedding, vector);
    assert.deepEqual(
      (await embed({ normalize: null, user: null, dimensions: null })).data[0].embedding,
      unit(vector),
    );
    const int8 = (await embed({ embedding_type: 'int8' })).data[0].embedding;
    assert.deepEqual(
      int8,
      unit(vector).map((value) => Math.round(value * 127) + 0),
    );
    assert.deepEqual((await embed({ embedding_type: 'ubinary' })).data[0].embedding, [0b11100000]);
    const halves = (await embed({ embedding_type: 'float16' })).data[0].embedding;
    for (const [i, value] of unit(vector).entries())
      assert.ok(Math.abs(halves[i] - value) < 1e-3, String(halves));
  });

  on('what is wrong with the body is told in the shape of OpenAI, with the parameter', async (rig) => {
    const wrong: [unknown, number, string | null, string, RegExp][] = [
      ['{', 400, null, 'invalid_json', /valid JSON/],
      ['', 400, null, 'invalid_document', /empty body/],
      [[], 400, null, 'invalid_request', /expected a JSON object/],
      [
        { input: 'a' },
        400,
        'model',
        'invalid_request',
        /expected a model's name, such as fake::model, got none/,
      ],
      [{ model: 7, input: 'a' }, 400, 'model', 'invalid_request', /got a number/],
      [
        { model: 'gpt', input: 'a' },
        404,
        'model',
        'model_not_found',
        /"gpt" is not served here; fake::model is/,
      ],
      [{ model: MODEL }, 400, 'input', 'invalid_request', /got none/],
      [{ model: MODEL, input: [] }, 400, 'input', 'invalid_request', /empty list/],
      [{ model: MODEL, input: '' }, 400, 'input', 'invalid_request', /an empty one/],
      [{ model: MODEL, input: ['a', ''] }, 400, 'input[1]', 'invalid_request', /an empty one/],
      [{ model: MODEL, input: [[]] }, 400, 'input[0]', 'invalid_request', /empty list/],
      [
        { model: MODEL, input: [1, 'a'] },
        400,
        'input[1]',
        'invalid_request',
        /expected a token id, got a string/,
      ],
      [{ model: MODEL, input: [1, 0.5] }, 400, 'input[1]', 'invalid_request', /expected a token id/],
      [{ model: MODEL, input: true }, 400, 'input', 'invalid_request', /got a boolean/],
      [{ model: MODEL, input: [{}] }, 400, 'input[0]', 'invalid_request', /neither or both/],
      [
        { model: MODEL, input: { text: 'a', image: PIXEL } },
        400,
        'input',
        'invalid_request',
        /neither or both/,
      ],
      [{ model: MODEL, input: { text: 5 } }, 400, 'input.text', 'invalid_request', /got a number/],
      [{ model: MODEL, input: { image: '?' } }, 400, 'input.image', 'invalid_request', /expected a picture/],
      [{ model: MODEL, input: { image: '' } }, 400, 'input.image', 'invalid_request', /expected a picture/],
      [{ model: MODEL, input: 'a', user: 5 }, 400, 'user', 'invalid_request', /got a number/],
      [
        { model: MODEL, input: 'a', dimensions: 5 },
        400,
        'dimensions',
        'invalid_request',
        /from 1 to 4, got 5/,
      ],
      [{ model: MODEL, input: 'a', dimensions: 0 }, 400, 'dimensions', 'invalid_request', /from 1 to 4/],
      [
        { model: MODEL, input: 'a', encoding_format: 'hex' },
        400,
        'encoding_format',
        'invalid_request',
        /hex/,
      ],
      [{ model: MODEL, input: 'a', modality: 'audio' }, 400, 'modality', 'invalid_request', /text or image/],
      [{ model: MODEL, input: 'fail:invalid_image' }, 400, 'input', 'invalid_image', /^input: expected no/],
      [{ model: MODEL, input: ['a', 'fail:fetch_failed'] }, 400, 'input[1]', 'fetch_failed', /^input\[1\]: /],
      [{ model: MODEL, input: 'fail:forbidden_uri' }, 400, 'input', 'forbidden_uri', /./],
      [{ model: MODEL, input: 'fail:text_too_long' }, 400, 'input', 'text_too_long', /./],
      [{ model: MODEL, input: 'fail:image_too_large' }, 413, 'input', 'image_too_large', /./],
    ];
    for (const [sent, status, param, code, message] of wrong) {
      const answer = await rig.post('/v1/embeddings', sent);
      const { error } = answer.body;
      assert.deepEqual(
        [answer.status, error.type, error.param, error.code],
        [status, 'invalid_request_error', param, code],
        JSON.stringify([sent, answer.body]),
      );
      assert.match(error.message, message);
      assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code']);
    }
    assert.equal(rig.service.open, 0);
  });

  on(
    'what is wrong with the server or its load has the status and headers that clients try again by',
    async (rig) => {
      const failing: [ErrorCode, number, string, string][] = [
        ['overloaded', 429, 'requests', 'rate_limit_exceeded'],
        ['queue_timeout', 503, 'server_error', 'queue_timeout'],
        ['draining', 503, 'server_error', 'draining'],
        ['not_ready', 503, 'server_error', 'not_ready'],
        ['deadline_exceeded', 504, 'server_error', 'deadline_exceeded'],
        ['engine_failed', 500, 'server_error', 'engine_failed'],
        ['bad_vector', 500, 'server_error', 'bad_vector'],
      ];
      for (const [code, status, type, told] of failing) {
        const answers = [await rig.post('/v1/embeddings', { model: MODEL, input: ['a', `fail:${code}`] })];
        rig.service.refusal = new ClipError(code, 'expected another time');
        answers.push(await rig.post('/v1/embeddings', { model: MODEL, input: 'a' }));
        rig.service.refusal = undefined;
        for (const { status: got, headers, body } of answers) {
          assert.deepEqual(
            [got, body.error.type, body.error.code, body.error.param],
            [status, type, told, null],
          );
          assert.equal(headers.get('retry-after'), status === 429 || status === 503 ? '1' : null);
          assert.equal(headers.get('x-should-retry'), code === 'bad_vector' ? 'false' : null);
        }
      }
    },
  );

  on('paths, methods and heads that are wrong are told in the same shape', async ({ request }) => {
    const told = async (path: string, init?: RequestInit) => {
      const response = await request(path, init);
      const { error } = (await response.json()) as { error: { type: string; code: string } };
      return [response.status, error.type, error.code, response.headers.get('allow')];
    };
    const invalid = 'invalid_request_error';
    assert.deepEqual(await told('/v1/chat/completions'), [404, invalid, 'unknown_url', null]);
    assert.deepEqual(await told('/v1/embeddings'), [405, invalid, 'method_not_allowed', 'POST']);
    assert.deepEqual(await told('/v1/models', { method: 'DELETE' }), [
      405,
      invalid,
      'method_not_allowed',
      'GET',
    ]);
    const long = { headers: { x: 'y'.repeat(17_000) } };
    assert.deepEqual(await told('/v1/models', long), [431, invalid, 'headers_too_large', null]);
    const typed = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' };
    assert.deepEqual(await told('/v1/embeddings', typed), [415, invalid, 'unsupported_media_type', null]);
    const coded = { method: 'POST', headers: { 'content-encoding': 'zstd' }, body: '{}' };
    assert.deepEqual(await told('/v1/embeddings', coded), [415, invalid, 'unsupported_encoding', null]);
  });

  on('the served model is listed, and known by each of its names', async ({ request, post, reasons }) => {
    const { object, data } = (await (await request('/v1/models')).json()) as {
      object: string;
      data: [{ created: number }];
    };
    const [{ created, ...model }] = data;
    assert.deepEqual([object, data.length], ['list', 1]);
    assert.deepEqual(model, {
      id: MODEL,
      object: 'model',
      owned_by: 'clip-server',
      dimensions: 4,
      context_length: 77,
      resolution: 224,
    });
    assert.ok(Number.isInteger(created) && created > 1.6e9, `${created}`);
    for (const name of [MODEL, 'FAKE', 'Fa/ke@1', 'fake%3A%3Amodel', 'Fa%2Fke%401', '%20fake']) {
      const response = await request(`/v1/models/${name}`);
      assert.deepEqual([response.status, ((await response.json()) as { id: string }).id], [200, MODEL], name);
      if (name.includes('%')) continue;
      const { body } = await post('/v1/embeddings', { model: name, input: 'a' });
      assert.equal(body.model, MODEL);
    }
    for (const name of ['x', 'fake2', '%', ''])
      assert.equal((await request(`/v1/models/${name}`)).status, 404, name);
    assert.equal(reasons.length, 0);
  });

  on(
    'limits: the number of inputs is 400 and the size of the body 413, each counted by its name',
    async ({ post, metrics }) => {
      const send = async (input: unknown) => {
        const { status, body } = await post('/v1/embeddings', { model: MODEL, input });
        return [status, body.error?.code];
      };
      assert.deepEqual(await send(['a', 'b', 'c']), [200, undefined]);
      assert.deepEqual(await send(['a', 'b', 'c', 'd']), [400, 'too_many_items']);
      assert.deepEqual(await send('x'.repeat(1000)), [413, 'request_too_large']);
      const lines = await metrics.text();
      assert.match(lines, /clip_limit_reached_total\{limit="items_per_request"\} 1/);
      assert.match(lines, /clip_limit_reached_total\{limit="request_bytes"\} 1/);
      assert.match(
        lines,
        /clip_requests_total\{protocol="http",route="\/v1\/embeddings",code="too_many_items"\} 1/,
      );
    },
    { limits: { itemsPerRequest: 3, requestBytes: 900 } },
  );

  on('a client that leaves ends the work on its behalf, and its share is freed', async (rig) => {
    let begin: (signal: AbortSignal) => void = () => {};
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });
    rig.service.work = ({ signal }) =>
      new Promise((_, reject) => {
        begin(signal);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const leave = new AbortController();
    const body = JSON.stringify({ model: MODEL, input: 'a' });
    const sent = rig.request('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: leave.signal,
    });
    const signal = await begun;
    leave.abort();
    await assert.rejects(sent, { name: 'AbortError' });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    while (rig.service.open > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.match(signal.reason.message, /expected the client to wait/);
  });

  on('x-request-timeout-ms bounds the wait', async (rig) => {
    rig.service.work = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const headers = { 'x-request-timeout-ms': '20' };
    const { status, body } = await rig.post('/v1/embeddings', { model: MODEL, input: 'a' }, headers);
    assert.deepEqual([status, body.error.code], [504, 'deadline_exceeded']);
  });
});
