import type { RawData, WebSocket } from 'ws';
import { ClipError } from '../../errors.ts';
import { serveStream } from '../jina/stream.ts';
import { encodeStatus } from '../jina/wire/status.ts';
import { countLimit } from '../limit.ts';
import type { Site } from '../site.ts';
import { closeOf, GOING_AWAY, NORMAL } from './close-code.ts';
import { Inbox } from './inbox.ts';
import { Liveness } from './liveness.ts';
import type { SubProtocol } from './sub-protocol.ts';

/** One WebSocket that carries requests. Owns the socket from the handshake to its end. */
export class Connection {
  readonly #site: Site;
  readonly #socket: WebSocket;
  readonly #format: SubProtocol;
  readonly #inbox: Inbox<Buffer>;
  readonly #liveness: Liveness;
  readonly #left = new AbortController();
  #lastCode = NORMAL;

  constructor(site: Site, socket: WebSocket, format: SubProtocol) {
    this.#site = site;
    this.#socket = socket;
    this.#format = format;
    this.#inbox = new Inbox(socket);
    this.#liveness = this.#watch();
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // The library has sent its close frame already; the close that follows ends the work.
    socket.on('error', (error) => {
      site.log.debug({ err: error }, 'a WebSocket broke the protocol');
      if (error.message.startsWith('Max payload')) countLimit(site.metrics, 'requestBytes');
      if (error.message.startsWith('Too many message fragments'))
        countLimit(site.metrics, 'messageFragments');
    });
    socket.once('close', () => this.#leave());
  }

  /** Resolves when the connection is being closed, whatever for. */
  async serve(): Promise<void> {
    const { decode, encode, binary, bytesPerComponent } = this.#format;
    try {
      await serveStream(this.#site, {
        protocol: 'websocket',
        route: '/',
        requests: this.#inbox,
        decode,
        encode,
        bytesPerComponent,
        send: (reply) =>
          new Promise((resolve, reject) => {
            this.#socket.send(reply, { binary }, (error) => (error ? reject(error) : resolve()));
          }),
        prefetch: this.#site.config.gateway.prefetch,
        inOrder: false,
        signal: this.#left.signal,
      });
      this.#socket.close(this.#lastCode);
    } catch (thrown) {
      const { code, reason } = closeOf(thrown);
      const error = ClipError.from(thrown);
      if (error.code === 'internal') this.#site.log.error({ err: error }, 'a WebSocket failed');
      this.#socket.close(code, reason);
    } finally {
      // The client's part of the close is among what was not read.
      this.#inbox.end();
    }
  }

  /** Takes nothing more in, and ends the connection when the replies of what it has are out. */
  goAway(): void {
    if (!this.#inbox.closed) this.#lastCode = GOING_AWAY;
    this.#inbox.end();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#liveness.heard();
    const frame = data as Buffer;
    if (isBinary !== this.#format.binary) {
      const [expected, came] = this.#format.binary ? ['binary', 'text'] : ['text', 'binary'];
      const fault = `expected ${expected} messages with this sub-protocol, got a ${came} one`;
      this.#inbox.fail(new ClipError('unsupported_media_type', fault));
    } else if (this.#format.isEnd(frame)) this.#inbox.end();
    else this.#inbox.push(frame);
  }

  #watch(): Liveness {
    const { silenceMs, pongMs, pingsPerSecond } = this.#site.config.limits;
    const drop = (limit: 'pongMs' | 'pingsPerSecond') => {
      countLimit(this.#site.metrics, limit);
      this.#socket.terminate();
    };
    return new Liveness(this.#socket, {
      silenceMs,
      pongMs,
      pingsPerSecond,
      deaf: () => this.#inbox.paused,
      onSilent: () => drop('pongMs'),
      onFlood: () => drop('pingsPerSecond'),
    });
  }

  #leave(): void {
    const error = new ClipError('cancelled', 'expected the client to wait for its answers, but it left');
    this.#inbox.fail(error);
    this.#left.abort(error);
  }
}

/** `/dry_run`: any message is answered with the status that a request would meet. */
export function serveDryRun({ health }: Pick<Site, 'health'>, socket: WebSocket): void {
  socket.on('error', () => {});
  socket.once('message', () => {
    const { ready, reasons } = health.ready();
    socket.send(encodeStatus(ready ? undefined : new ClipError('not_ready', reasons.join('; '))));
    socket.close(NORMAL);
  });
}
