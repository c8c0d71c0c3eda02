import type { Document, JsonObject } from '../protocol/jina/document.ts';
import { ClipClientError, type ErrorDetails } from './error.ts';
import type { Settings } from './options.ts';
import { retry, withinTime } from './retry.ts';
import { Slots } from './slots.ts';
import type { Endpoint, Transport, TransportAnswer } from './transport.ts';

/** What one call of the client wants of all its requests. */
export interface CallContext {
  readonly endpoint: Endpoint;
  readonly parameters: JsonObject;
  readonly signal: AbortSignal;
}

/** Brings requests to the server: bounded in number and time, and under ids of their own. */
export class Sender {
  readonly #transport: Transport;
  readonly #settings: Settings;
  readonly #slots: Slots;
  readonly #closed = new AbortController();

  constructor(transport: Transport, settings: Settings) {
    this.#transport = transport;
    this.#settings = settings;
    this.#slots = new Slots(settings.concurrency);
  }

  /**
   * One try.
   *
   * @param read takes from the answer what is wanted
   * @throws ClipClientError with the request's id and place; what `read` throws
   */
  send<T>(
    call: CallContext,
    documents: readonly Document[],
    batch: NonNullable<ErrorDetails['batch']>,
    read: (answer: TransportAnswer) => T,
  ): Promise<T> {
    const requestId = newRequestId();
    const { endpoint, parameters } = call;
    return this.#within(call.signal, { requestId, batch }, async (signal) =>
      read(await this.#transport.request({ requestId, endpoint, parameters, documents }, signal)),
    );
  }

  ready(signal: AbortSignal): ReturnType<Transport['ready']> {
    return this.#within(signal, {}, (both) => this.#transport.ready(both));
  }

  info(signal: AbortSignal): ReturnType<Transport['info']> {
    return this.#within(signal, {}, (both) => this.#transport.info(both));
  }

  /** Tries again as the options say. */
  retry<T>(
    signal: AbortSignal,
    mayRetry: (error: ClipClientError) => boolean,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const both = AbortSignal.any([signal, this.#closed.signal]);
    const policy = { options: this.#settings.retry, mayRetry, signal: both };
    return retry(policy, attempt).catch((error) => {
      throw both.aborted ? ClipClientError.aborted(both) : error;
    });
  }

  async close(): Promise<void> {
    this.#closed.abort(new ClipClientError('closed', 'the client has been closed'));
    await this.#transport.close();
  }

  async #within<T>(
    signal: AbortSignal,
    details: ErrorDetails,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const both = AbortSignal.any([signal, this.#closed.signal]);
    try {
      both.throwIfAborted();
      return await this.#slots.hold(both, () => withinTime(this.#settings.timeoutMs, both, work));
    } catch (thrown) {
      if (both.aborted) throw ClipClientError.aborted(both);
      throw thrown instanceof ClipClientError ? thrown.at(details) : thrown;
    }
  }
}

/** `randomUUID` exists in pages of secure origins only. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
