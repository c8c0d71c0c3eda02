import assert from 'node:assert/strict';
import { readForm } from '../../src/service/form.ts';
import { shape, toBase64 } from '../../src/service/shape.ts';
import { vectorOf } from './fake-service.ts';
import { onBothServers } from './rig.ts';

const TEXT = 'a red apple';
const VECTOR = vectorOf({ kind: 'text', text: TEXT });
const MODEL = { model: 'm', width: VECTOR.length };
const shaped = (parameters: Record<string, unknown>) => shape(VECTOR, readForm(parameters, MODEL));

onBothServers((on) => {
  on('numbers of JSON are those of the form', async ({ post }) => {
    const embedding = async (parameters: object) =>
      (await post('/post', { data: [{ text: TEXT }], parameters })).body.data[0].embedding;
    assert.deepEqual(await embedding({}), [...VECTOR]);
    for (const parameters of [
      { normalize: true },
      { dimensions: 3 },
      { dimensions: 3, normalise: false },
      { embedding_type: 'int8' },
      { embedding_type: 'uint8', dimensions: 2 },
      { embedding_type: 'binary' },
      { embedding_type: 'ubinary' },
    ])
      assert.deepEqual(await embedding(parameters), [...shaped(parameters).data], JSON.stringify(parameters));
    assert.deepEqual(
      await embedding({ embedding_type: 'float16', dimensions: 2, normalize: false }),
      [11.5, 8528],
    );
    assert.deepEqual(await embedding({ clip_t__dimensions: 1, other__dimensions: 77 }), [1]);
  });

  on('base64 holds the bytes of each type', async ({ post }) => {
    for (const type of ['float', 'float16', 'int8', 'uint8', 'binary', 'ubinary']) {
      const parameters = { embedding_type: type, encoding_format: 'base64', normalize: true };
      const { body } = await post('/encode', { data: [{ text: TEXT }], parameters });
      assert.equal(body.data[0].embedding, toBase64(shaped(parameters)), type);
    }
  });

  on(
    'a form that cannot be had is the executor’s fault on the reference’s routes, and a 400 on our own',
    async ({ post }) => {
      const body = { data: [{ text: TEXT }], parameters: { dimensions: 5 } };
      const message = 'dimensions: expected a whole number from 1 to 4, got 5';
      const inside = await post('/post', body);
      assert.deepEqual([inside.status, inside.body.header.status.code], [200, 1]);
      assert.deepEqual(inside.body.header.status.exception.args, [message, 'invalid_request']);
      assert.equal(inside.body.data[0].embedding, null);
      const outside = await post('/encode', body);
      assert.equal(outside.status, 400);
      assert.deepEqual(outside.body.error, { code: 'invalid_request', message });
    },
  );

  on('a vector that cannot take the form is a fault of its document', async ({ post, service }) => {
    service.vector = (item) =>
      item.kind === 'text' && item.text === 'empty' ? Float32Array.of(0, 0, 0, 1) : undefined;
    const body = { data: [{ text: 'empty' }, { text: TEXT }], parameters: { dimensions: 2 } };
    const outside = await post('/encode', body);
    assert.equal(outside.status, 200);
    const [empty, full] = outside.body.data;
    assert.deepEqual([empty.embedding, empty.error.code], [null, 'form_failed']);
    assert.match(empty.error.message, /can be normalised, got 2 components of length 0/);
    assert.deepEqual(full.embedding, [...shaped({ dimensions: 2 }).data]);
    const inside = await post('/post', body);
    assert.deepEqual([inside.status, inside.body.header.status.exception.args[1]], [200, 'form_failed']);
    assert.equal((await post('/encode', { ...body, data: [{ text: 'empty' }] })).status, 422);
  });

  on('what should be known of a form stands beside the parameters', async ({ post }) => {
    const sent = { data: [{ text: TEXT }], parameters: { dimensions: 3, mine: 'x' } };
    for (const path of ['/post', '/encode']) {
      const { parameters } = (await post(path, sent)).body;
      assert.deepEqual(Object.keys(parameters), ['dimensions', 'mine', '__warnings__']);
      assert.match(
        parameters.__warnings__[0],
        /^fake::model is not trained for vectors of 3 dimensions instead of 4/,
      );
    }
    const full = await post('/post', { ...sent, parameters: { dimensions: 4 } });
    assert.deepEqual(full.body.parameters, { dimensions: 4 });
  });

  on('rank gives the roots’ vectors in the form, and refuses what encode refuses', async ({ post }) => {
    const data = [{ text: TEXT, matches: [{ text: 'b' }] }];
    const { body } = await post('/rank', { data, parameters: { embedding_type: 'int8' } });
    assert.deepEqual(body.data[0].embedding, [...shaped({ embedding_type: 'int8' }).data]);
    assert.equal(body.data[0].matches[0].embedding, null);
    const refused = await post('/rank', { data, parameters: { embedding_type: 'int4' } });
    assert.deepEqual([refused.status, refused.body.error.code], [400, 'invalid_request']);
  });
});
