import { encodeRequest } from '../protocol/jina/wire/request.ts';
import { Connection, type OpenPipe } from './connection.ts';
import { faultOfStatus } from './server-fault.ts';
import type { AnsweredDocument, Transport, TransportAnswer, TransportRequest } from './transport.ts';

/** What a protocol of long connections consists of. */
export interface StreamProtocol {
  readonly open: OpenPipe;
  readonly ready: Transport['ready'];
  readonly info: Transport['info'];
  readonly close: Transport['close'];
  /** ms for the opening of a connection. */
  readonly timeoutMs: number;
}

/** Protobuf messages on one connection, which is made when it is needed and made anew when it broke. */
export class StreamTransport implements Transport {
  readonly ready: Transport['ready'];
  readonly info: Transport['info'];
  readonly #protocol: StreamProtocol;
  #connection: Connection | undefined;

  constructor(protocol: StreamProtocol) {
    this.#protocol = protocol;
    this.ready = protocol.ready;
    this.info = protocol.info;
  }

  async request(request: TransportRequest, signal: AbortSignal): Promise<TransportAnswer> {
    const message = encodeRequest(request);
    if (!this.#connection || this.#connection.fault)
      this.#connection = new Connection(this.#protocol.open, this.#protocol.timeoutMs);
    const { response, bytes } = await this.#connection.exchange(request.requestId, message, signal);
    const fault = faultOfStatus(response.status);
    if (fault) throw fault;
    const routes = response.routes.map(({ executor, start = 0, end }) => ({ executor, start, end }));
    // No document has a fault of its own on this wire.
    const documents = response.documents as AnsweredDocument[];
    return { documents, routes, bytes: message.length + bytes };
  }

  async close(): Promise<void> {
    await this.#connection?.close();
    await this.#protocol.close();
  }
}
