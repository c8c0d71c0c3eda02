import type { EndpointSeries, JinaMetrics } from './jina-metrics.ts';

/** One request's way, in the reference's metrics: into the gateway, over to the executor, and back. */
export class Passage {
  readonly #metrics: JinaMetrics;
  readonly #bytes: number;
  readonly #since = performance.now();
  #endpoint: EndpointSeries | undefined;
  #open = true;

  constructor(metrics: JinaMetrics, bytes: number) {
    this.#metrics = metrics;
    this.#bytes = bytes;
    for (const series of metrics.gateway.received) series.add(bytes);
    metrics.gateway.pending.add(1);
  }

  /**
   * The executor takes the request.
   *
   * @param written endpoint as the client wrote it
   * @param bound the endpoint of the flow that it goes to
   * @returns to be called once, when the executor is done
   */
  handOver(written: string, bound: string): (done: { failed: boolean; documents: number }) => void {
    const { gateway, executor } = this.#metrics;
    const since = performance.now();
    const endpoint = this.#metrics.endpoint(written);
    this.#endpoint = endpoint;
    gateway.handedOver.add(this.#bytes);
    for (const series of endpoint.received) series.add(this.#bytes);
    return ({ failed, documents }) => {
      const seconds = (performance.now() - since) / 1000;
      this.#metrics.processing(bound).add(seconds);
      executor.receiving.add(seconds);
      gateway.sending.add(seconds);
      (failed ? executor.failed : executor.successful).add(1);
      if (!failed) endpoint.documents.add(documents);
    };
  }

  /** The response is out. */
  succeeded(bytes: number): void {
    if (!this.#close()) return;
    const { gateway } = this.#metrics;
    gateway.receiving.add((performance.now() - this.#since) / 1000);
    gateway.successful.add(1);
    gateway.sent.add(bytes);
    if (!this.#endpoint) return;
    gateway.handedBack.add(bytes);
    this.#endpoint.sent.add(bytes);
  }

  /** The response was an error, or none went out. Does nothing after another end. */
  failed(): void {
    if (this.#close()) this.#metrics.gateway.failed.add(1);
  }

  #close(): boolean {
    const open = this.#open;
    this.#open = false;
    if (open) this.#metrics.gateway.pending.add(-1);
    return open;
  }
}
