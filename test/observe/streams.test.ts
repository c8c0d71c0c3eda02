import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { openTrace } from '../../src/observe/tracing.ts';
import { parseRequest } from '../../src/protocol/jina/request.ts';
import { serveStream } from '../../src/protocol/jina/stream.ts';
import { FakeService, testConfig } from '../protocol/fake-service.ts';

const CALL = '/jina.JinaRPC/Call';
const HOP = '/jina.JinaSingleDataRequestRPC/process_single_data';

after(() => {
  trace.disable();
  propagation.disable();
});

test('requests of a stream are counted each for itself, and their spans hang from that of the stream', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register({ contextManager: null });
  const metrics = new Metrics('clip_t');
  const frames = ['{"data":[{"text":"a"}]}', '{"data":[{"text":"fail:invalid_image"}]}'].map((text) =>
    Buffer.from(text),
  );
  const call = openTrace(() => undefined, CALL);
  await serveStream(
    {
      config: testConfig(),
      service: new FakeService(),
      health: { ready: () => ({ ready: true, reasons: [] }) },
      metrics,
      log: silentLog,
      version: '0.0.0',
    },
    {
      protocol: 'grpc',
      route: CALL,
      requests: (async function* () {
        yield* frames;
      })(),
      decode: (frame) => parseRequest(JSON.parse(frame.toString()), 10),
      encode: ({ error }) => Buffer.from(error ? 'failed' : 'embedded'),
      send: async () => {},
      prefetch: 0,
      inOrder: true,
      signal: new AbortController().signal,
      trace: call,
    },
  );
  call!.end();
  const spans = exporter.getFinishedSpans();
  const root = spans.find(({ name }) => name === CALL)!;
  const hops = spans.filter(({ name }) => name === HOP);
  assert.deepEqual(
    hops.map(({ parentSpanContext }) => parentSpanContext?.spanId),
    Array(2).fill(root.spanContext().spanId),
  );
  const page = await metrics.text();
  const sizes = frames.reduce((sum, { length }) => sum + length, 0);
  for (const line of [
    `jina_received_request_bytes_sum{runtime_name="gateway/rep-0"} ${sizes}`,
    'jina_sent_response_bytes_sum{runtime_name="gateway/rep-0"} 8',
    'jina_successful_requests_total{runtime_name="gateway/rep-0"} 1',
    'jina_failed_requests_total{runtime_name="gateway/rep-0"} 1',
    'jina_number_of_pending_requests{runtime_name="gateway/rep-0"} 0',
  ])
    assert.ok(page.includes(`${line}\n`), line);
});
