import type { Meter } from '@opentelemetry/api';
import type { Family } from './exposition.ts';
import { JinaCounter, JinaGauge, JinaSummary, type Pod, type Series } from './jina-families.ts';
import { Passage } from './passage.ts';

type Tower = 'text' | 'image';

/** Distinct endpoints with series of their own; clients name them freely. */
const MOST_ENDPOINTS = 100;
const LONGEST_ENDPOINT = 200;
/** The class that the reference runs. */
const EXECUTOR = 'CLIPEncoder';

/** What the executor counts for one endpoint as clients name it. */
export interface EndpointSeries {
  readonly received: readonly Series[];
  readonly sent: Series;
  readonly documents: Series;
}

/**
 * The metrics of the reference under its names and labels (Jina 3.15, clip_server 0.8.3), beside our own. Gateway and
 * executor are one process here, so the hop between them is the hand-over, and its bytes are those of the request.
 */
export class JinaMetrics {
  readonly #families = {
    receiving: new JinaSummary(
      'jina_receiving_request_seconds',
      'Request in to response out; at the gateway, of those that succeeded.',
    ),
    sending: new JinaSummary(
      'jina_sending_request_seconds',
      'Hand-over to the executor until its answer is back.',
    ),
    pending: new JinaGauge('jina_number_of_pending_requests', 'Requests in flight.'),
    successful: new JinaCounter('jina_successful_requests', 'Requests answered without an error.'),
    failed: new JinaCounter('jina_failed_requests', 'Requests answered with an error.'),
    received: new JinaSummary('jina_received_request_bytes', 'Size of a request.'),
    requestSize: new JinaSummary(
      'jina_request_size_bytes',
      'Size of a request; the former name of jina_received_request_bytes.',
    ),
    sent: new JinaSummary('jina_sent_response_bytes', 'Size of a response.'),
    handedOver: new JinaSummary(
      'jina_sent_request_bytes',
      'Size of a request on its way from the gateway to the executor.',
    ),
    handedBack: new JinaSummary(
      'jina_received_response_bytes',
      'Size of a response on its way from the executor to the gateway.',
    ),
    documents: new JinaCounter(
      'jina_document_processed',
      'Root documents of requests that the executor has answered.',
    ),
    processing: new JinaSummary(
      'jina_process_request_seconds',
      'Time inside the method that the endpoint is bound to.',
    ),
    preprocessImage: new JinaSummary(
      'jina_preprocess_images_seconds',
      'Decoding and resizing the images of one batch, the time of all workers added up.',
    ),
    preprocessText: new JinaSummary('jina_preprocess_texts_seconds', 'Tokenising the texts of one batch.'),
    encodeImage: new JinaSummary('jina_encode_images_seconds', 'One batch of images through the model.'),
    encodeText: new JinaSummary('jina_encode_texts_seconds', 'One batch of texts through the model.'),
  };
  readonly #executorName: string;
  readonly #onEndpointLimit: () => void;
  readonly #endpoints = new Map<string, EndpointSeries>();
  readonly #processing = new Map<string, Series>();
  readonly #batches = new Map<Tower, { readonly preprocess: Series; readonly encode: Series }>();
  readonly #preprocessed: Record<Tower, number> = { text: 0, image: 0 };
  readonly gateway: ReturnType<JinaMetrics['gatewaySeries']>;
  readonly executor: ReturnType<JinaMetrics['executorSeries']>;

  /** `onEndpointLimit` is told of requests whose endpoint has no series of its own. */
  constructor(executor: string, onEndpointLimit: () => void) {
    this.#executorName = `${executor}/rep-0`;
    this.#onEndpointLimit = onEndpointLimit;
    this.gateway = this.gatewaySeries();
    this.executor = this.executorSeries();
  }

  /** A request has arrived whole. @param bytes as it came on the wire */
  receive(bytes: number): Passage {
    return new Passage(this, bytes);
  }

  /** One item was tokenised, or decoded and resized. */
  preprocessed(tower: Tower, seconds: number): void {
    this.#preprocessed[tower] += seconds;
  }

  /** One batch went through the model: what was preprocessed since the last one is taken for its preprocessing. */
  encoded(tower: Tower, seconds: number): void {
    const { preprocess, encode } = this.#batchSeries(tower);
    encode.add(seconds);
    preprocess.add(this.#preprocessed[tower]);
    this.#preprocessed[tower] = 0;
  }

  /** The series of an endpoint as the client wrote it. */
  endpoint(written: string): EndpointSeries {
    const known = this.#endpoints.get(written);
    if (known) return known;
    const full = this.#endpoints.size >= MOST_ENDPOINTS || written.length > LONGEST_ENDPOINT;
    if (!full) return this.#addEndpoint(written);
    this.#onEndpointLimit();
    return this.#endpoints.get('other') ?? this.#addEndpoint('other');
  }

  /** Time inside a method, by the endpoint that it is bound to in the flow. */
  processing(bound: string): Series {
    let series = this.#processing.get(bound);
    if (!series) {
      const labels = { executor: EXECUTOR, executor_endpoint: bound, runtime_name: this.#executorName };
      series = this.#families.processing.series('executor', labels);
      this.#processing.set(bound, series);
    }
    return series;
  }

  /** Sends every observation to OpenTelemetry as well, under the same names. */
  exportTo(meter: Meter): void {
    // The former name of a size is a matter of the Prometheus page alone.
    for (const family of Object.values(this.#families))
      if (family !== this.#families.requestSize) family.exportTo(meter);
  }

  /** Of one pod, or of both; families without a series are left out, as the reference does. */
  families(pod?: Pod): Family[] {
    return Object.values(this.#families)
      .map((family) => family.toFamily(pod))
      .filter(({ samples }) => samples.length > 0);
  }

  private gatewaySeries() {
    const all = this.#families;
    const labels = { runtime_name: 'gateway/rep-0' };
    return {
      receiving: all.receiving.series('gateway', labels),
      sending: all.sending.series('gateway', labels),
      pending: all.pending.series('gateway', labels),
      successful: all.successful.series('gateway', labels),
      failed: all.failed.series('gateway', labels),
      received: [all.received.series('gateway', labels), all.requestSize.series('gateway', labels)],
      sent: all.sent.series('gateway', labels),
      handedOver: all.handedOver.series('gateway', labels),
      handedBack: all.handedBack.series('gateway', labels),
    };
  }

  private executorSeries() {
    const labels = { runtime_name: this.#executorName };
    const { receiving, successful, failed } = this.#families;
    return {
      receiving: receiving.series('executor', labels),
      successful: successful.series('executor', labels),
      failed: failed.series('executor', labels),
    };
  }

  #addEndpoint(endpoint: string): EndpointSeries {
    const labels = { executor_endpoint: endpoint, executor: EXECUTOR, runtime_name: this.#executorName };
    const { received, requestSize, sent, documents } = this.#families;
    const series = {
      received: [received.series('executor', labels), requestSize.series('executor', labels)],
      sent: sent.series('executor', labels),
      documents: documents.series('executor', labels),
    };
    this.#endpoints.set(endpoint, series);
    return series;
  }

  #batchSeries(tower: Tower) {
    let series = this.#batches.get(tower);
    if (!series) {
      const labels = { runtime_name: this.#executorName };
      const { preprocessImage, preprocessText, encodeImage, encodeText } = this.#families;
      const [preprocess, encode] =
        tower === 'image' ? [preprocessImage, encodeImage] : [preprocessText, encodeText];
      series = {
        preprocess: preprocess.series('executor', labels),
        encode: encode.series('executor', labels),
      };
      this.#batches.set(tower, series);
    }
    return series;
  }
}
