import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../src/observe/metrics.ts';

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';

/** What a scraper of that pod would see of the reference's metrics, without the values. */
async function series(metrics: Metrics, pod?: 'gateway' | 'executor'): Promise<string[]> {
  const { body } = await metrics.page(undefined, pod);
  return [...body.matchAll(/^(jina_\S+) \S+$/gm)].map(([, name]) => name!);
}

async function value(metrics: Metrics, name: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

function serve(metrics: Metrics, endpoint: string, bytes = 10): void {
  const passage = metrics.jina.receive(bytes);
  passage.handOver(endpoint, '/default')({ failed: false, documents: 3 });
  passage.succeeded(100);
}

const summary = (name: string, labels: string) =>
  ['_count', '_sum', '_created'].map((suffix) => `${name}${suffix}{${labels}}`);
const counter = (name: string, labels: string) =>
  ['_total', '_created'].map((suffix) => `${name}${suffix}{${labels}}`);

test('series without an endpoint stand at zero from the start, each in the page of its pod', async () => {
  const metrics = new Metrics('clip_t');
  const gateway = 'runtime_name="gateway/rep-0"';
  const executor = 'runtime_name="clip_t/rep-0"';
  assert.deepEqual(
    (await series(metrics, 'gateway')).sort(),
    [
      `jina_number_of_pending_requests{${gateway}}`,
      ...counter('jina_successful_requests', gateway),
      ...counter('jina_failed_requests', gateway),
      ...[
        'jina_receiving_request_seconds',
        'jina_sending_request_seconds',
        'jina_received_request_bytes',
        'jina_request_size_bytes',
        'jina_sent_response_bytes',
        'jina_sent_request_bytes',
        'jina_received_response_bytes',
      ].flatMap((name) => summary(name, gateway)),
    ].sort(),
  );
  assert.deepEqual(
    (await series(metrics, 'executor')).sort(),
    [
      ...counter('jina_successful_requests', executor),
      ...counter('jina_failed_requests', executor),
      ...summary('jina_receiving_request_seconds', executor),
    ].sort(),
  );
});

test('series with an endpoint come with its first request, those of a tower with its first batch', async () => {
  const metrics = new Metrics('clip_t');
  const before = new Set(await series(metrics, 'executor'));
  const started = Date.now() / 1000;
  serve(metrics, '/encode');
  metrics.ran('image', 0.5);
  const endpoint = 'executor_endpoint="/encode",executor="CLIPEncoder",runtime_name="clip_t/rep-0"';
  const bound = 'executor="CLIPEncoder",executor_endpoint="/default",runtime_name="clip_t/rep-0"';
  const executor = 'runtime_name="clip_t/rep-0"';
  assert.deepEqual(
    (await series(metrics, 'executor')).filter((name) => !before.has(name)).sort(),
    [
      ...summary('jina_received_request_bytes', endpoint),
      ...summary('jina_request_size_bytes', endpoint),
      ...summary('jina_sent_response_bytes', endpoint),
      ...counter('jina_document_processed', endpoint),
      ...summary('jina_process_request_seconds', bound),
      ...summary('jina_preprocess_images_seconds', executor),
      ...summary('jina_encode_images_seconds', executor),
    ].sort(),
  );
  const created = await value(metrics, `jina_document_processed_created{${endpoint}}`);
  assert.ok(created >= started - 0.01 && created <= Date.now() / 1000, `${created}`);
});

test('a request is pending from its arrival to its reply, and ends once', async () => {
  const metrics = new Metrics('clip_t');
  const gateway = '{runtime_name="gateway/rep-0"}';
  const count = (name: string) => value(metrics, `${name}${gateway}`);
  const passage = metrics.jina.receive(7);
  assert.equal(await count('jina_number_of_pending_requests'), 1);
  passage.handOver('/', '/default')({ failed: true, documents: 1 });
  passage.failed();
  passage.succeeded(5);
  serve(metrics, '/', 9);
  assert.equal(await count('jina_number_of_pending_requests'), 0);
  assert.equal(await count('jina_failed_requests_total'), 1);
  assert.equal(await count('jina_successful_requests_total'), 1);
  assert.equal(await count('jina_receiving_request_seconds_count'), 1);
  assert.equal(await count('jina_received_request_bytes_sum'), 16);
  assert.equal(await count('jina_sent_response_bytes_sum'), 100);
  assert.equal(await value(metrics, 'jina_failed_requests_total{runtime_name="clip_t/rep-0"}'), 1);
  assert.equal(await value(metrics, 'jina_receiving_request_seconds_count{runtime_name="clip_t/rep-0"}'), 2);
  const root = '{executor_endpoint="/",executor="CLIPEncoder",runtime_name="clip_t/rep-0"}';
  assert.equal(await value(metrics, `jina_document_processed_total${root}`), 3);
});

test('a batch counts what was preprocessed since the one before', async () => {
  const metrics = new Metrics('clip_t');
  const sum = (name: string) => value(metrics, `jina_${name}{runtime_name="clip_t/rep-0"}`);
  metrics.preprocessed('text', 0.25);
  metrics.preprocessed('text', 0.5);
  metrics.ran('text', 2);
  metrics.preprocessed('text', 0.125);
  metrics.ran('text', 1);
  assert.deepEqual(
    [await sum('preprocess_texts_seconds_count'), await sum('preprocess_texts_seconds_sum')],
    [2, 0.875],
  );
  assert.deepEqual([await sum('encode_texts_seconds_count'), await sum('encode_texts_seconds_sum')], [2, 3]);
});

test('a hundred endpoints have series of their own, all further ones share one', async () => {
  const metrics = new Metrics('clip_t');
  const labels = (endpoint: string) =>
    `jina_document_processed_total{executor_endpoint="${endpoint}",executor="CLIPEncoder",runtime_name="clip_t/rep-0"}`;
  const limited = () => value(metrics, 'clip_limit_reached_total{limit="endpoint_labels"}');
  for (let i = 0; i < 100; i++) serve(metrics, `/${i}`);
  assert.deepEqual([await value(metrics, labels('/99')), Number.isNaN(await limited())], [3, true]);
  for (let i = 100; i < 150; i++) serve(metrics, `/${i}`);
  serve(metrics, '/99');
  assert.ok(Number.isNaN(await value(metrics, labels('/100'))));
  assert.deepEqual(
    [await value(metrics, labels('/99')), await value(metrics, labels('other')), await limited()],
    [6, 150, 50],
  );
});

test('an endpoint of two hundred characters is a label, a longer one is not', async () => {
  const metrics = new Metrics('clip_t');
  serve(metrics, 'a'.repeat(200));
  serve(metrics, 'b'.repeat(201));
  const page = await metrics.text();
  assert.deepEqual([page.includes('a'.repeat(200)), page.includes('bb')], [true, false]);
});

test('a hostile endpoint cannot break the page', async () => {
  const metrics = new Metrics('clip_t');
  serve(metrics, '/"}\nx\\');
  for (const accept of [undefined, OPEN_METRICS])
    assert.match(
      (await metrics.page(accept)).body,
      /^jina_document_processed_total\{executor_endpoint="\/\\"\}\\nx\\\\",executor=/m,
    );
});
