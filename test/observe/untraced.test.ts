import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { openTrace } from '../../src/observe/tracing.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';

test('a server that is not asked for telemetry loads no SDK, and makes no span', async () => {
  const server = await serveModel(await testModel('tiny'));
  try {
    const answer = await fetch(`${server.url}/post`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      body: '{"data":[{"text":"a"}]}',
    });
    assert.deepEqual([answer.status, answer.headers.get('traceparent')], [200, null]);
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    assert.ok(loaded.some((file) => file.includes('@opentelemetry/api')));
    assert.deepEqual(
      loaded.filter((file) => /@opentelemetry\/(sdk|exporter|otlp|resources)/.test(file)),
      [],
    );
    assert.equal(
      openTrace(() => assert.fail('headers were read in vain'), 'x'),
      undefined,
    );
  } finally {
    await server.close();
  }
});
