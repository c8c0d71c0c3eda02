import assert from 'node:assert/strict';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import type { Item } from '../../src/service/item.ts';
import { vectorOf } from './fake-service.ts';
import { onBothServers } from './rig.ts';

const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==';
const BASE64 = PIXEL.slice(PIXEL.indexOf(',') + 1);
const BODY = { model: 'fake::model', input_type: 'search_document' };
const text = (value: string): Item => ({ kind: 'text', text: value });
const part = (value: string) => ({ type: 'text', text: value });

function unit(values: Iterable<number>): number[] {
  const all = [...values];
  const length = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0));
  return Array.from(Float32Array.from(all, (value) => value / length));
}

onBothServers((on) => {
  on('an answer has the keys of Cohere, and vectors of length 1', async ({ post }) => {
    const texts = ['a red "apple"', 'b'];
    const { status, headers, body } = await post('/v2/embed', { ...BODY, texts });
    assert.deepEqual([status, headers.get('content-type')], [200, 'application/json']);
    const { id, ...rest } = body;
    assert.match(id, /^[\da-f-]{36}$/);
    assert.deepEqual(rest, {
      embeddings: { float: texts.map((value) => unit(vectorOf(text(value)))) },
      texts,
      meta: { api_version: { version: '2' }, billed_units: { input_tokens: 8, images: 0 } },
      response_type: 'embeddings_by_type',
    });
  });

  on('texts, images and inputs of one part each are items, with null for what is absent', async (rig) => {
    const uri = { kind: 'uri', uri: PIXEL } as const;
    const cases: [object, Item[]][] = [
      [{ texts: ['a', PIXEL], images: null, inputs: null, max_tokens: null }, [text('a'), text(PIXEL)]],
      [{ images: [PIXEL, BASE64] }, [uri, { kind: 'image', bytes: Buffer.from(BASE64, 'base64') }]],
      [
        {
          inputs: [{ content: [part('a')] }, { content: [{ type: 'image_url', image_url: { url: PIXEL } }] }],
          priority: 3,
        },
        [text('a'), uri],
      ],
      [{ texts: ['a'], truncate: 'END' }, [text('a')]],
      [{ texts: ['a'], truncate: 'NONE' }, [{ kind: 'text', text: 'a', whole: true }]],
    ];
    for (const [given, items] of cases) {
      rig.service.seen.length = 0;
      const { status, body } = await rig.post('/v2/embed', { ...BODY, ...given });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(rig.service.seen, items);
      assert.equal(body.meta.billed_units.images, items.filter(({ kind }) => kind !== 'text').length);
      assert.equal('texts' in body, 'texts' in given);
    }
  });

  on('every type that is asked for is in the answer once, and no other', async ({ post }) => {
    const embedding_types = ['int8', 'ubinary', 'base64', 'int8', 'float', 'binary', 'uint8'];
    const { body } = await post('/v2/embed', { ...BODY, texts: ['a'], embedding_types });
    const vector = unit(vectorOf(text('a')));
    const int8 = vector.map((value) => Math.round(value * 127) + 0);
    assert.deepEqual(body.embeddings, {
      int8: [int8],
      ubinary: [[0b11100000]],
      base64: [Buffer.from(Float32Array.from(vector).buffer).toString('base64')],
      float: [vector],
      binary: [[0b11100000 - 128]],
      uint8: [int8.map((value) => value + 128)],
    });
  });

  on('output_dimension cuts before the length is set to 1, with a warning', async ({ post }) => {
    const { body } = await post('/v2/embed', { ...BODY, texts: ['a'], output_dimension: 2 });
    assert.deepEqual(body.embeddings.float, [unit(vectorOf(text('a')).subarray(0, 2))]);
    assert.equal(body.meta.warnings.length, 1);
    assert.match(body.meta.warnings[0], /not trained for vectors of 2 dimensions/);
  });

  on('what is wrong with the body is told by a message that names the key', async (rig) => {
    const wrong: [unknown, number, RegExp][] = [
      ['{', 400, /valid JSON/],
      [[], 400, /expected a JSON object/],
      [{ model: undefined }, 400, /^model: expected a model's name/],
      [{ model: 'embed-v4.0' }, 404, /^model: the model "embed-v4.0" is not served here; fake::model is/],
      [{ input_type: null }, 400, /^input_type: expected one of search_document, .*got null/],
      [{ input_type: 'x' }, 400, /^input_type: .*got "x"/],
      [{ texts: undefined }, 400, /^texts: expected one of texts, images, inputs, got none/],
      [{ images: [PIXEL] }, 400, /^texts: expected one of .* got texts and images/],
      [{ texts: 'a' }, 400, /^texts: expected a list, got a string/],
      [{ texts: [] }, 400, /^texts: .*empty list/],
      [{ texts: ['a', ''] }, 400, /^texts\[1\]: .*an empty one/],
      [{ texts: [5] }, 400, /^texts\[0\]: expected a string, got a number/],
      [{ texts: null, images: ['?'] }, 400, /^images\[0\]: expected a picture/],
      [{ texts: null, inputs: ['a'] }, 400, /^inputs\[0\]\.content: expected a list/],
      [{ texts: null, inputs: [{ content: [] }] }, 400, /^inputs\[0\]\.content: expected one part.*got 0/],
      [{ texts: null, inputs: [{ content: [part('a'), part('b')] }] }, 400, /expected one part.*got 2/],
      [{ texts: null, inputs: [{ content: [{ type: 'audio' }] }] }, 400, /content\[0\]\.type: .*"audio"/],
      [
        { texts: null, inputs: [{ content: [{ type: 'text' }] }] },
        400,
        /content\[0\]\.text: expected a string/,
      ],
      [
        { texts: null, inputs: [{ content: [{ type: 'image_url' }] }] },
        400,
        /image_url\.url: expected a string/,
      ],
      [{ embedding_types: [] }, 400, /^embedding_types: expected a list/],
      [{ embedding_types: ['float', 'float16'] }, 400, /^embedding_types\[1\]: .*"float16"/],
      [{ output_dimension: 5 }, 400, /^output_dimension: expected a whole number from 1 to 4, got 5/],
      [{ truncate: 'START' }, 400, /^truncate: expected one of END, NONE, got "START"/],
      [{ max_tokens: 10 }, 400, /^max_tokens: expected none/],
      [{ priority: 'high' }, 400, /^priority: expected a whole number/],
      [{ texts: ['a', 'fail:text_too_long'] }, 400, /^texts\[1\]: /],
      [{ texts: ['fail:invalid_image'] }, 400, /^texts\[0\]: /],
      [{ texts: ['fail:image_too_large'] }, 413, /^texts\[0\]: /],
    ];
    for (const [changes, status, message] of wrong) {
      const isBody = typeof changes === 'string' || Array.isArray(changes);
      const sent = isBody ? changes : { ...BODY, texts: ['a'], ...(changes as object) };
      const answer = await rig.post('/v2/embed', sent);
      assert.equal(answer.status, status, JSON.stringify([sent, answer.body]));
      assert.match(answer.body.message, message);
      assert.deepEqual(Object.keys(answer.body), ['message', 'code']);
    }
    assert.equal(rig.service.open, 0);
  });

  on('what is wrong with the server or its load has the status that clients try again by', async (rig) => {
    const failing: [ErrorCode, number][] = [
      ['overloaded', 429],
      ['not_ready', 503],
      ['deadline_exceeded', 504],
      ['engine_failed', 500],
    ];
    for (const [code, status] of failing) {
      rig.service.refusal = new ClipError(code, 'expected another time');
      const { status: got, headers, body } = await rig.post('/v2/embed', { ...BODY, texts: ['a'] });
      assert.deepEqual([got, body], [status, { message: 'expected another time', code }]);
      assert.equal(headers.get('retry-after'), status === 429 || status === 503 ? '1' : null);
    }
  });

  on('paths and methods that are wrong are told in the same shape', async ({ request }) => {
    for (const [path, status, code] of [
      ['/v2/rerank', 404, 'not_found'],
      ['/v2/embed', 405, 'method_not_allowed'],
    ] as const) {
      const response = await request(path);
      const body = (await response.json()) as { code: string };
      assert.deepEqual([response.status, body.code, Object.keys(body)], [status, code, ['message', 'code']]);
    }
  });

  on(
    'the number of items is limited as on every route',
    async ({ post, metrics }) => {
      const { status, body } = await post('/v2/embed', { ...BODY, texts: ['a', 'b', 'c'] });
      assert.deepEqual([status, body.code], [400, 'too_many_items']);
      assert.match(body.message, /^texts: expected at most 2 items/);
      assert.match(await metrics.text(), /clip_limit_reached_total\{limit="items_per_request"\} 1/);
    },
    { limits: { itemsPerRequest: 2 } },
  );
});
