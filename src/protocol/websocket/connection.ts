import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Limits } from '../../config/limits.ts';
import { ClipError } from '../../errors.ts';
import { clientLeft } from '../http/exchange.ts';
import { countLimit } from '../limit.ts';
import type { Site } from '../site.ts';
import { closeCodeOf, closeReason, GOING_AWAY } from './close-code.ts';
import { Heartbeat, perSecond } from './heartbeat.ts';
import { Inbox, type Kind } from './inbox.ts';
import { Intake, type Unfinished } from './intake.ts';
import { Outbox } from './outbox.ts';

export interface ConnectionOptions {
  readonly site: Pick<Site, 'config' | 'metrics' | 'log'>;
  /** Replies are binary messages, else text. */
  readonly binary: boolean;
  readonly kindOf: (message: Buffer, isBinary: boolean) => Kind;
  readonly unfinished: Unfinished;
}

/** Limits of our own that the library enforces, by its error. */
const LIMIT_OF_FAULT: Readonly<Record<string, keyof Limits>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'requestBytes',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'requestBytes',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'messageFragments',
};

/** Time for a client that is cut off, or that the server ends on, to act: to take the reason, or to send once more. */
const FAREWELL_MS = 1000;

/** One WebSocket: what comes in, what goes out, and every way in which it ends. */
export class Connection {
  readonly inbox: Inbox;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly #intake: Intake;
  readonly #heartbeat: Heartbeat;
  readonly #leave = new AbortController();
  #forget: () => void = () => {};
  #farewell: NodeJS.Timeout | undefined;

  /** @param transport that the socket was made on */
  constructor(socket: WebSocket, transport: Socket, options: ConnectionOptions) {
    const { config, metrics } = options.site;
    const { limits } = config;
    this.#socket = socket;
    this.#options = options;
    this.inbox = new Inbox({
      kindOf: options.kindOf,
      pause: () => socket.pause(),
      resume: () => {
        socket.resume();
        this.#intake.resumed();
        this.#heartbeat.resumed();
      },
    });
    this.#outbox = new Outbox(socket, transport, {
      binary: options.binary,
      sendMs: limits.sendMs,
      onStall: () => {
        countLimit(metrics, 'sendMs');
        socket.terminate();
      },
    });
    const isPaused = () => this.inbox.paused;
    this.#intake = new Intake({
      bodyMs: limits.bodyMs,
      mostBytes: limits.receiveBytes,
      unfinished: options.unfinished,
      isPaused,
      onSlow: () =>
        this.#cutOff('bodyMs', 'body_timeout', 'expected the rest of a message sooner, or 16 KiB/s'),
      onFull: () =>
        this.#cutOff('receiveBytes', 'overloaded', 'the server holds too many unfinished messages'),
    });
    this.#heartbeat = new Heartbeat({
      heartbeatMs: limits.heartbeatMs,
      pongMs: limits.pongMs,
      ping: () => socket.ping(),
      isPaused,
      onLost: () => {
        countLimit(metrics, 'pongMs');
        socket.terminate();
      },
    });
    this.#listen(transport);
  }

  /** Aborted with a ClipError (`cancelled`) when the client has left or broke the protocol. */
  get signal(): AbortSignal {
    return this.#leave.signal;
  }

  /** Resolves when the system has taken the message. @throws ClipError cancelled where the client has left */
  send(message: Uint8Array): Promise<void> {
    return this.#outbox.send(message);
  }

  /** Ends it in the orderly way: all that was sent arrives, then the close frame. */
  close(code: number, reason = ''): void {
    this.inbox.end();
    this.#heartbeat.close();
    this.#socket.close(code, closeReason(reason));
    if (code === GOING_AWAY) this.#terminateSoon();
  }

  /** Ends it because of an error. A client that has left hears nothing more. */
  fail(error: ClipError): void {
    if (error.code !== 'cancelled') this.close(closeCodeOf(error), error.message);
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.terminate();
  }

  /** The server's end: reads no more; whoever serves the connection closes it when its replies are out. */
  stop(): void {
    this.inbox.stop(this.#intake.midway, FAREWELL_MS);
  }

  #listen(transport: Socket): void {
    const socket = this.#socket;
    const { metrics } = this.#options.site;
    const crowded = perSecond(this.#options.site.config.limits.pingsPerSecond);
    socket.on('message', (message: Buffer, isBinary) => {
      this.#intake.complete();
      this.inbox.push(message, isBinary);
    });
    const onControl = (payload: Buffer): boolean => {
      this.#intake.control(payload);
      if (socket.readyState !== socket.OPEN || !crowded()) return true;
      this.#cutOff('pingsPerSecond', 'overloaded', 'expected fewer pings and pongs in a second');
      return false;
    };
    socket.on('ping', (payload: Buffer) => {
      if (onControl(payload) && socket.readyState === socket.OPEN) socket.pong(payload);
    });
    socket.on('pong', onControl);
    // After the library's own listener, so that what the chunk completes is known.
    const onData = (chunk: Buffer): void => {
      this.#intake.chunk(chunk.length);
      this.#heartbeat.alive();
    };
    transport.on('data', onData);
    this.#forget = () => transport.off('data', onData);
    socket.on('error', (error: Error & { code?: string }) => {
      const limit = LIMIT_OF_FAULT[error.code ?? ''];
      if (limit) countLimit(metrics, limit);
      this.#end();
    });
    socket.once('close', () => {
      clearTimeout(this.#farewell);
      this.#end();
    });
  }

  /** What is worked on for the client is of no more use. */
  #end(): void {
    this.#forget();
    this.#heartbeat.close();
    this.#intake.close();
    this.#outbox.close();
    this.#leave.abort(clientLeft());
    this.inbox.end();
  }

  /** A client that abuses the connection is not read any more, so that it cannot go on with it. */
  #cutOff(limit: keyof Limits, code: ClipError['code'], message: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    countLimit(this.#options.site.metrics, limit);
    this.fail(new ClipError(code, message));
    this.#end();
    this.#socket.pause();
    this.#terminateSoon();
  }

  #terminateSoon(): void {
    this.#farewell ??= setTimeout(() => this.#socket.terminate(), FAREWELL_MS);
  }
}
