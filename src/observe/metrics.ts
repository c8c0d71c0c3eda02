import {
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { exposition, type Family, type Page } from './exposition.ts';
import type { Pod } from './jina-families.ts';
import { JinaMetrics } from './jina-metrics.ts';

const SECONDS = [
  0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60,
];
const TOKENS = [4, 8, 12, 16, 24, 32, 48, 64, 77];
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/**
 * Every metric of the server: our own in one registry, with names that begin with `clip_`, and those of the reference,
 * which begin with `jina_`. Times are in seconds.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly jina: JinaMetrics;

  /** Requests answered, by route and error code (`ok` for none). */
  readonly requests = this.counter('clip_requests_total', 'Requests answered.', [
    'protocol',
    'route',
    'code',
  ]);
  readonly requestSeconds = this.histogram(
    'clip_request_seconds',
    'First byte in to last byte out.',
    SECONDS,
    ['protocol', 'route'],
  );
  readonly connections = this.gauge('clip_connections', 'Open client connections.', ['protocol']);
  /** Labelled, so that a server without TLS has no value instead of 1970. */
  readonly tlsExpiry = this.gauge(
    'clip_tls_certificate_expiry_seconds',
    'End of the certificate in use, or of the first of its chain to end, in seconds since 1970.',
    ['file'],
  );
  readonly tlsReloads = this.counter(
    'clip_tls_reloads_total',
    'Certificates found replaced on disk: taken (ok), or kept out (failed).',
    ['outcome'],
  );
  readonly streams = this.gauge('clip_streams', 'Open streams of requests.', ['protocol']);
  readonly items = this.counter('clip_items_total', 'Items answered, by tower and error code.', [
    'tower',
    'code',
  ]);
  /** Each limit that bites, which refuses something or makes it wait, is counted under its own name. */
  readonly limited = this.counter(
    'clip_limit_reached_total',
    'Refusals and waits, by the limit that caused them.',
    ['limit'],
  );

  readonly requestsInFlight = this.gauge(
    'clip_requests_in_flight',
    'Requests admitted and not yet answered.',
  );
  readonly requestsWaiting = this.gauge(
    'clip_requests_waiting',
    'Requests of streams that wait to be admitted.',
  );
  readonly itemsInFlight = this.gauge('clip_items_in_flight', 'Items admitted and not yet answered.');
  readonly bytesInFlight = this.gauge('clip_request_bytes_in_flight', 'Request bytes held.');
  readonly pixelsInFlight = this.gauge(
    'clip_pixels_in_flight',
    'Declared pixels of the pictures being decoded.',
  );

  readonly preprocessSeconds = this.histogram(
    'clip_preprocess_seconds',
    'Tokenising or decoding one item.',
    SECONDS,
    ['tower'],
  );
  /** Labels are resolved once: this happens for every item. */
  readonly #preprocessSeconds = {
    text: this.preprocessSeconds.labels({ tower: 'text' }),
    image: this.preprocessSeconds.labels({ tower: 'image' }),
  };
  readonly fetchSeconds = this.histogram('clip_fetch_seconds', 'Loading one URL.', SECONDS, ['outcome']);

  readonly queueLength = this.gauge('clip_queue_length', 'Items waiting for a batch.', ['tower']);
  readonly queueSeconds = this.histogram('clip_queue_seconds', 'Time in the queue.', SECONDS, ['tower']);
  readonly batchSize = this.histogram('clip_batch_size', 'Items per batch.', COUNTS, ['tower']);
  readonly textTokens = this.histogram(
    'clip_text_tokens',
    'Tokens of a text, start and end token included.',
    TOKENS,
  );
  readonly engineSeconds = this.histogram('clip_engine_seconds', 'One run of an engine.', SECONDS, ['tower']);
  readonly replicas = this.gauge('clip_replicas', 'Engines of all replicas by tower and state.', [
    'tower',
    'state',
  ]);
  readonly replicaRestarts = this.counter('clip_replica_restarts_total', 'Engines replaced, by cause.', [
    'tower',
    'cause',
  ]);
  readonly graphInfo = this.gauge(
    'clip_graph_info',
    'Always 1; the labels say which graph of a tower serves, and why.',
    ['tower', 'served', 'reason'],
  );
  readonly engineInfo = this.gauge(
    'clip_engine_info',
    'Always 1; the labels say what serves a tower, and why it is not TensorRT where the flow asks for that.',
    ['model', 'tower', 'runtime', 'device', 'precision', 'reason'],
  );
  readonly canaries = this.counter(
    'clip_canaries_total',
    'Runs of an input whose vector is known, on TensorRT: the vector was the same (ok), another (wrong), or there was none (failed).',
    ['tower', 'outcome'],
  );
  /** A supervisor tells each serving process what came before it, so that the count goes on. */
  readonly processRestarts = this.counter(
    'clip_process_restarts_total',
    'Serving processes that were started anew, by cause.',
    ['cause'],
  );

  /** `executor` is its name in the flow, which the reference's metrics carry. */
  constructor(executor = 'executor0') {
    this.jina = new JinaMetrics(executor, () => this.limited.inc({ limit: 'endpoint_labels' }));
  }

  /** One item was tokenised, or decoded and resized. */
  preprocessed(tower: 'text' | 'image', seconds: number): void {
    this.#preprocessSeconds[tower].observe(seconds);
    this.jina.preprocessed(tower, seconds);
  }

  /** One batch went through an engine. */
  ran(tower: 'text' | 'image', seconds: number): void {
    this.engineSeconds.observe({ tower }, seconds);
    this.jina.encoded(tower, seconds);
  }

  /** For a scraper that accepts `accept`; of the reference's metrics those of one pod, or of both. */
  async page(accept?: string, pod?: Pod): Promise<Page> {
    const own = await this.registry.getMetricsAsJSON();
    return exposition([...own.map(toFamily), ...this.jina.families(pod)], accept);
  }

  async text(): Promise<string> {
    return (await this.page()).body;
  }

  private counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ): Histogram<L> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}

type Own = Omit<MetricObjectWithValues<MetricValue<string>>, 'type'> & { readonly type: unknown };

function toFamily({ name, help, type, values }: Own): Family {
  const samples = values.map(
    ({ metricName = name, labels, value }: MetricValue<string> & { metricName?: string }) => ({
      name: metricName,
      labels: labels as Family['samples'][number]['labels'],
      value,
    }),
  );
  return { name: name.replace(/_total$/, ''), help, type: type as Family['type'], samples };
}
