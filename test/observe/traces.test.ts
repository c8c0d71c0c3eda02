import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { pino } from 'pino';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { type Collector, type ReceivedSpan, startCollector } from './collector.ts';

const CLIENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const PARENT = `00-${CLIENT.traceId}-${CLIENT.spanId}-01`;
const HOP = '/jina.JinaSingleDataRequestRPC/process_single_data';
const { blob } = (
  JSON.parse(readFileSync(new URL('../server/goldens/vectors.json', import.meta.url), 'utf8')) as {
    blob?: string;
  }[]
).find((golden) => golden.blob)!;
const model = await testModel('tiny-224');

let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

const traced = (more: object = {}) =>
  serveModel(model, {
    gateway: { tracing: true, traces_exporter_host: '127.0.0.1', traces_exporter_port: collector.port },
    ...more,
  });

function send(server: TestServer, path: string, body: object, traceparent = PARENT): Promise<Response> {
  return fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent },
    body: JSON.stringify(body),
  });
}

/** Each span as the names from the root to it. */
function paths(spans: readonly ReceivedSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: ReceivedSpan): string => {
    const parent = byId.get(span.parentId);
    return parent ? `${path(parent)} > ${span.name}` : span.name;
  };
  return spans.map(path).sort();
}

test('a request makes the spans of the reference, within the trace of the client', async () => {
  const server = await traced();
  const response = await send(server, '/post', { data: [{ text: 'a' }, { text: 'b' }, { blob }] });
  assert.equal(response.status, 200);
  await server.close();
  const encoding = `POST /post > ${HOP} > /default > encode > inference`;
  assert.deepEqual(paths(collector.spans), [
    'POST /post',
    `POST /post > ${HOP}`,
    `POST /post > ${HOP} > /default`,
    `POST /post > ${HOP} > /default > encode`,
    encoding,
    `${encoding} > img_minibatch_encoding`,
    `${encoding} > img_minibatch_encoding > preprocess_images`,
    `${encoding} > txt_minibatch_encoding`,
    `${encoding} > txt_minibatch_encoding > preprocess_texts`,
  ]);
  const [root, encode, inference] = ['POST /post', 'encode', 'inference'].map(
    (name) => collector.spans.find((span) => span.name === name)!,
  );
  assert.deepEqual([root!.traceId, root!.parentId, root!.kind], [CLIENT.traceId, CLIENT.spanId, 2]);
  assert.equal(response.headers.get('traceparent'), `00-${CLIENT.traceId}-${root!.spanId}-01`);
  assert.deepEqual(root!.attributes, {
    'http.request.method': 'POST',
    'http.route': '/post',
    'url.path': '/post',
    'http.response.status_code': 200,
  });
  assert.deepEqual(encode!.attributes, { device: 'cpu', runtime: 'onnx' });
  assert.deepEqual(inference!.attributes, {
    drop_image_content: false,
    minibatch_size: 32,
    has_img_da: true,
    has_txt_da: true,
  });
  for (const span of collector.spans) {
    assert.equal(span.traceId, CLIENT.traceId);
    assert.ok(span.began <= span.ended && span.began >= root!.began, span.name);
  }
  // By their times a span may end up to 1 ms after its root: the SDK counts from the whole ms in which each began.
  assert.equal(collector.spans.at(-1), root, 'the root ends last');
  assert.equal(root!.resource['service.name'], 'clip_o/rep-0');
});

test('without a trace of the client a request is the root of one; rank has its own name', async () => {
  const server = await traced();
  await server.post('/rank', { data: [{ text: 'a', matches: [{ text: 'b' }] }] });
  await server.close();
  const root = collector.spans.find(({ name }) => name === 'POST /rank')!;
  assert.equal(root.parentId, '');
  assert.ok(paths(collector.spans).includes(`POST /rank > ${HOP} > /rank > encode > inference`));
});

test('a request that fails says so, with its code', async () => {
  const server = await traced();
  assert.equal((await send(server, '/encode', { data: [{ blob: 'AAAA' }] })).status, 415);
  assert.equal((await send(server, '/post', { data: 5 })).status, 422);
  await server.close();
  const roots = collector.spans.filter(({ kind }) => kind === 2);
  assert.deepEqual(
    roots.map(({ status, attributes }) => [status, attributes['error.type']]),
    [
      [2, 'unsupported_image'],
      [2, 'invalid_document'],
    ],
  );
});

test('a trace that the client does not sample is continued and not exported; probes make none', async () => {
  const server = await traced();
  const response = await send(server, '/post', { data: [{ text: 'a' }] }, PARENT.replace(/01$/, '00'));
  assert.match(response.headers.get('traceparent')!, new RegExp(`^00-${CLIENT.traceId}-[0-9a-f]{16}-00$`));
  await fetch(`${server.url}/readyz`);
  await server.close();
  assert.deepEqual(collector.spans, []);
});

test('the standard variables alone start the export, and name the service', async () => {
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_SERVICE_NAME: 'mine',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    K8S_POD_NAME: 'pod-7',
  });
  try {
    const server = await serveModel(model);
    await server.post('/post', { data: [{ text: 'a' }] });
    await server.close();
  } finally {
    for (const name of Object.keys(process.env)) if (/^(OTEL|K8S)_/.test(name)) delete process.env[name];
  }
  const { resource } = collector.spans[0]!;
  assert.equal(resource['service.name'], 'mine');
  assert.equal(resource['deployment.environment'], 'test');
  assert.equal(resource['k8s.pod.name'], 'pod-7');
});

test('an SDK that is registered already is left alone and takes the spans', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register({ contextManager: null });
  try {
    const server = await traced();
    await server.post('/post', { data: [{ text: 'a' }] });
    await server.close();
    assert.ok(exporter.getFinishedSpans().some(({ name }) => name === 'inference'));
    assert.deepEqual(collector.spans, []);
    const after = exporter.getFinishedSpans().length;
    trace.getTracer('after').startSpan('still here').end();
    assert.equal(exporter.getFinishedSpans().length, after + 1);
  } finally {
    trace.disable();
    propagation.disable();
  }
});

test('a collector that is not there harms nothing, and is named in one line', async () => {
  const closed = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  const lines: { msg: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  process.env.OTEL_BSP_SCHEDULE_DELAY = '1';
  process.env.OTEL_METRIC_EXPORT_INTERVAL = '20';
  try {
    const target = { host: '127.0.0.1', port: closed };
    const server = await serveModel(model, {
      gateway: {
        tracing: true,
        traces_exporter_host: target.host,
        traces_exporter_port: target.port,
        metrics: true,
        metrics_exporter_host: target.host,
        metrics_exporter_port: target.port,
      },
      log,
    });
    const said = () => lines.filter(({ msg }) => msg.includes('OpenTelemetry'));
    while (said().length < 2)
      assert.equal((await server.post('/post', { data: [{ text: 'a' }] })).status, 200);
    for (let i = 0; i < 20; i++) assert.equal((await server.post('/post', { data: [] })).status, 200);
    await server.close();
    assert.deepEqual(
      said()
        .map(({ msg }) => msg)
        .sort(),
      ['OpenTelemetry: metrics cannot be exported', 'OpenTelemetry: traces cannot be exported'],
    );
  } finally {
    delete process.env.OTEL_BSP_SCHEDULE_DELAY;
    delete process.env.OTEL_METRIC_EXPORT_INTERVAL;
  }
});
