import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Client, type EncodeOptions, type VectorType } from '../../src/client/node.ts';
import { readForm } from '../../src/service/form.ts';
import { shape } from '../../src/service/shape.ts';
import { vectorOf } from '../protocol/fake-service.ts';
import { openRig, type Rig, SCHEMES } from './rig.ts';

const TEXTS = ['a', 'red', 'apple'];
const MODEL = { model: 'm', width: 4 };
const expected = (parameters: Record<string, unknown>) =>
  TEXTS.map((text) => shape(vectorOf({ kind: 'text', text }), readForm(parameters, MODEL)).data);

async function withClient(
  scheme: (typeof SCHEMES)[number],
  run: (client: Client, rig: Rig) => Promise<void>,
) {
  const rig = await openRig();
  const client = new Client(rig.url(scheme));
  try {
    await run(client, rig);
  } finally {
    await client.close();
    await rig[Symbol.asyncDispose]();
  }
}

for (const scheme of SCHEMES) {
  test(`${scheme}: each type comes as its own kind of array`, { timeout: 120_000 }, () =>
    withClient(scheme, async (client) => {
      for (const type of ['float32', 'int8', 'uint8', 'binary', 'ubinary'] as const)
        assert.deepEqual(await client.encode(TEXTS, { type }), expected({ embedding_type: type }), type);
      const halves = await client.encode(['x'], { type: 'float16' });
      assert.deepEqual(halves, [Float32Array.of(1.5, 337.25, 4.125, -0.0999755859375)]);
      const bits: Uint8Array[] = await client.encode(TEXTS, { type: 'ubinary' });
      assert.ok(bits[0] instanceof Uint8Array, 'expected a Uint8Array');
    }),
  );

  test(`${scheme}: dimensions and normalize`, { timeout: 120_000 }, () =>
    withClient(scheme, async (client) => {
      for (const options of [
        { normalize: true },
        { dimensions: 2 },
        { dimensions: 2, normalize: false },
        { dimensions: 4 },
      ])
        assert.deepEqual(await client.encode(TEXTS, options), expected(options), JSON.stringify(options));
      const cut = await client.encode(TEXTS, { dimensions: 3, type: 'int8' });
      assert.deepEqual(cut, expected({ dimensions: 3, embedding_type: 'int8' }));
      assert.equal((await client.encode(TEXTS, { dimensions: 3, type: 'ubinary' }))[0]!.length, 1);
      for await (const { vector } of client.encodeStream(TEXTS, { type: 'int8' }))
        assert.ok(vector instanceof Int8Array, 'expected an Int8Array');
    }),
  );

  test(`${scheme}: what the server refuses is the call's fault`, { timeout: 120_000 }, () =>
    withClient(scheme, async (client, { service }) => {
      const message = /dimensions: expected a whole number from 1 to 4, got 5/;
      await assert.rejects(client.encode(TEXTS, { dimensions: 5 }), { code: 'invalid_request', message });
      service.vector = () => Float32Array.of(0, 0, 0, 1);
      await assert.rejects(client.encode(TEXTS, { dimensions: 2 }), { code: 'form_failed' });
      const [fault] = await client.encode(['a'], { dimensions: 2, perItem: true });
      assert.equal((fault as { code?: string }).code, 'form_failed');
    }),
  );
}

/** A server that knows no forms: it gives the same vector whatever is asked. */
async function withUnknowing(run: (client: Client) => Promise<void>) {
  const server = createServer((_request, response) =>
    response.end(JSON.stringify({ header: {}, data: [{ id: '0', embedding: [1.5, 1.1, 4.125, -0.1] }] })),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await run(client);
  } finally {
    await client.close();
    server.close();
  }
}

for (const [options, message] of [
  [
    { type: 'int8' },
    /expected whole numbers from -127 to 127 for int8 in the document 0, got 1\.5; not every server/,
  ],
  [{ type: 'ubinary' }, /expected whole numbers from 0 to 255/],
  [{ type: 'float16' }, /expected numbers of half precision/],
  [{ dimensions: 2 }, /expected 2 numbers for 2 dimensions .* got 4/],
  [{ dimensions: 9, type: 'binary' }, /expected 2 numbers for 9 dimensions/],
  [{ normalize: true }, /expected a vector of length 1 .* got 4\.5/],
] as [EncodeOptions<VectorType>, RegExp][])
  test(`a server that does not know ${JSON.stringify(options)} gives no vectors`, { timeout: 120_000 }, () =>
    withUnknowing(async (client) => {
      await assert.rejects(client.encode(['a'], options), { code: 'bad_answer', message });
    }),
  );

test('parameters that would change how an answer reads are refused', { timeout: 120_000 }, () =>
  withClient('http', async (client) => {
    for (const name of ['embedding_type', 'encoding_format']) {
      const call = client.encode(TEXTS, { parameters: { [name]: 'int8' } });
      await assert.rejects(call, {
        code: 'invalid_input',
        message: new RegExp(`parameters.${name}: expected none`),
      });
    }
    const typo = client.encode(TEXTS, { type: 'int4' as 'int8' });
    await assert.rejects(typo, { code: 'invalid_input', message: /type: expected one of float32, float16/ });
    await assert.rejects(client.encode(TEXTS, { dimensions: 0 }), { code: 'invalid_input' });
  }),
);
