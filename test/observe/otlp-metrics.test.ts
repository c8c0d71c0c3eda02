import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';
import { startCollector } from './collector.ts';

const { blob } = (
  JSON.parse(readFileSync(new URL('../server/goldens/vectors.json', import.meta.url), 'utf8')) as {
    blob?: string;
  }[]
).find((golden) => golden.blob)!;

test("metrics leave by OTLP under the reference's names, types and attributes", async () => {
  const collector = await startCollector();
  try {
    const server = await serveModel(await testModel('tiny-224'), {
      gateway: {
        metrics: true,
        metrics_exporter_host: 'http://127.0.0.1',
        metrics_exporter_port: collector.port,
      },
    });
    await server.post('/post', { data: [{ text: 'a' }, { blob }] });
    await server.post('/post', { data: [{ blob: 'AAAA' }], execEndpoint: '/encode' });
    await server.close();
    const found = collector.points.map(({ name, type, attributes, count, value }) => {
      const { runtime_name: pod, executor, executor_endpoint: endpoint } = attributes;
      const number = type === 'histogram' ? count : value;
      return [name, type, pod, executor ?? '', endpoint ?? '', number].join(' ');
    });
    const gateway = 'gateway/rep-0  ';
    const own = 'clip_o/rep-0  ';
    const at = (endpoint: string) => `clip_o/rep-0 CLIPEncoder ${endpoint}`;
    assert.deepEqual(found.sort(), [
      `jina_document_processed counter ${at('/')} 2`,
      `jina_encode_images_seconds histogram ${own} 1`,
      `jina_encode_texts_seconds histogram ${own} 1`,
      `jina_failed_requests counter ${own} 1`,
      `jina_failed_requests counter ${gateway} 1`,
      `jina_number_of_pending_requests up-down counter ${gateway} 0`,
      `jina_preprocess_images_seconds histogram ${own} 1`,
      `jina_preprocess_texts_seconds histogram ${own} 1`,
      `jina_process_request_seconds histogram ${at('/default')} 2`,
      `jina_received_request_bytes histogram ${at('/')} 1`,
      `jina_received_request_bytes histogram ${at('/encode')} 1`,
      `jina_received_request_bytes histogram ${gateway} 2`,
      `jina_received_response_bytes histogram ${gateway} 1`,
      `jina_receiving_request_seconds histogram ${own} 2`,
      `jina_receiving_request_seconds histogram ${gateway} 1`,
      `jina_sending_request_seconds histogram ${gateway} 2`,
      `jina_sent_request_bytes histogram ${gateway} 2`,
      `jina_sent_response_bytes histogram ${at('/')} 1`,
      `jina_sent_response_bytes histogram ${gateway} 1`,
      `jina_successful_requests counter ${own} 1`,
      `jina_successful_requests counter ${gateway} 1`,
    ]);
    assert.deepEqual(
      [...new Set(collector.points.filter(({ unit }) => unit).map(({ name, unit }) => `${name} ${unit}`))],
      ['jina_sending_request_seconds s'],
    );
  } finally {
    collector.close();
  }
});
