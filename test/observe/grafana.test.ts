import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { type Prometheus, skipPrometheus, startPrometheus, until } from './prometheus.ts';

/** The queries of clip-as-service's Grafana board, panel by panel. */
const QUERIES = [
  ...[
    'jina_receiving_request_seconds',
    'jina_sending_request_seconds',
    'jina_preprocess_texts_seconds',
    'jina_encode_texts_seconds',
    'jina_process_request_seconds',
    'jina_preprocess_images_seconds',
    'jina_encode_images_seconds',
  ].map((name) => `${name}_sum / ${name}_count`),
  'jina_receiving_request_seconds_count{runtime_name=~"gateway.*"}',
];
const EXECUTOR_QUERIES = [
  'jina_document_processed_total{runtime_name="$Executor"}',
  'jina_process_request_seconds_count{runtime_name="$Executor"}',
  'jina_process_request_seconds_sum{runtime_name="$Executor"} / jina_process_request_seconds_count{runtime_name="$Executor"}',
  'jina_receiving_request_seconds_sum{runtime_name="$Executor"} / jina_receiving_request_seconds_count{runtime_name="$Executor"}',
];

const goldens: { text?: string; blob?: string }[] = JSON.parse(
  readFileSync(new URL('../server/goldens/vectors.json', import.meta.url), 'utf8'),
);

describe("clip-as-service's Grafana board", { skip: skipPrometheus }, () => {
  let server: TestServer;
  let prometheus: Prometheus;

  before(async () => {
    server = await serveModel(await testModel('tiny-224'), {
      gateway: { monitoring: true, port_monitoring: 0 },
      executor: { name: 'clip_t', port_monitoring: 0 },
    });
    const [gateway, executor] = server.server.metricsPorts;
    prometheus = await startPrometheus({ gateway: gateway!, executor: executor! });
    const data = goldens.map(({ text, blob }) => ({ text, blob }));
    assert.equal((await server.post('/post', { data })).status, 200);
    const ranked = { data: [{ text: 'a', matches: [{ text: 'b' }] }], execEndpoint: '/rank' };
    assert.equal((await server.post('/post', ranked)).status, 200);
    await until(
      () => prometheus.query('jina_receiving_request_seconds_count'),
      (samples) => samples.length === 2 && samples.every(({ value }) => value === 2),
    );
  });
  after(async () => {
    await prometheus?.stop();
    await server?.close();
  });

  test('the variables have the values that its selectors offer', async () => {
    assert.deepEqual(await prometheus.labelValues('jina_document_processed_created', 'runtime_name'), [
      'clip_t/rep-0',
    ]);
    assert.deepEqual(await prometheus.labelValues('jina_document_processed_created', 'executor_endpoint'), [
      '/',
      '/rank',
    ]);
    assert.deepEqual(await prometheus.scrapeErrors(), {});
  });

  for (const query of QUERIES)
    test(`${query} has data`, async () => {
      const samples = await prometheus.query(query);
      assert.ok(samples.length > 0 && samples.every(({ value }) => value > 0), JSON.stringify(samples));
    });

  for (const query of EXECUTOR_QUERIES)
    test(`${query} has data for each executor`, async () => {
      for (const name of await prometheus.labelValues('jina_document_processed_created', 'runtime_name')) {
        const samples = await prometheus.query(query.replaceAll('$Executor', name));
        assert.ok(samples.length > 0 && samples.every(({ value }) => value > 0), JSON.stringify(samples));
      }
    });

  test('each job has the series of its own pod', async () => {
    const jobs = async (pod: string) =>
      (await prometheus.query(`jina_receiving_request_seconds_count{runtime_name="${pod}/rep-0"}`)).map(
        ({ metric }) => metric.job,
      );
    assert.deepEqual([await jobs('gateway'), await jobs('clip_t')], [['gateway'], ['executor']]);
  });

  test('encode and rank are counted under the endpoint of the flow, documents under that of the client', async () => {
    const counts = async (query: string) =>
      Object.fromEntries(
        (await prometheus.query(query)).map(({ metric, value }) => [metric.executor_endpoint, value]),
      );
    assert.deepEqual(await counts('jina_process_request_seconds_count'), { '/default': 1, '/rank': 1 });
    assert.deepEqual(await counts('jina_document_processed_total'), { '/': goldens.length, '/rank': 1 });
  });

  test('promtool finds nothing wrong with any page', async () => {
    const pages = [server.url, ...server.server.metricsPorts.map((port) => `http://127.0.0.1:${port}`)];
    for (const page of pages) {
      const input = await (await fetch(`${page}/metrics`)).text();
      assert.match(input, /^jina_/m);
      execFileSync('promtool', ['check', 'metrics'], { input, stdio: ['pipe', 'pipe', 'pipe'] });
    }
  });
});
