import { type ServerAddress, socketUrl } from './address.ts';
import type { Pipe, PipeEvents } from './connection.ts';
import { ClipClientError } from './error.ts';
import { faultOfClose, faultOfConnection } from './server-fault.ts';
import { StreamTransport } from './stream-transport.ts';
import type { Transport } from './transport.ts';

/** What is used of a browser's WebSocket, which the package `ws` has as well. */
export interface Socket {
  binaryType: string;
  readonly protocol: string;
  send(data: Uint8Array): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { error?: unknown; message?: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export interface SocketParts {
  /** Begins to connect with the sub-protocol. */
  readonly connect: (url: string, subprotocol: string) => Socket | Promise<Socket>;
  /** The same server's HTTP, for its state. */
  readonly http: Transport;
  readonly timeoutMs: number;
}

/** Frames are protobuf messages. */
const SUBPROTOCOL = 'bytes';
/** The frame that says that no more requests come. */
const END_OF_INPUT = Uint8Array.of(0);
/** ms that the server has to close after it. */
const CLOSE_MS = 1000;
const NORMAL = 1000;

export function websocketTransport(address: ServerAddress, parts: SocketParts): Transport {
  const url = socketUrl(address);
  return new StreamTransport({
    open: (events, signal) => openSocket(url, parts, events, signal),
    ready: (signal) => parts.http.ready(signal),
    info: (signal) => parts.http.info(signal),
    close: () => parts.http.close(),
    timeoutMs: parts.timeoutMs,
  });
}

async function openSocket(
  url: string,
  { connect }: SocketParts,
  events: PipeEvents,
  signal: AbortSignal,
): Promise<Pipe> {
  const socket = await connect(url, SUBPROTOCOL);
  socket.binaryType = 'arraybuffer';
  let cause: unknown;
  let open = false;
  const closed = new Promise<void>((resolve) => {
    socket.onclose = ({ code, reason }) => {
      const fault = open ? faultOfClose(code, reason) : notOpened(url, cause, signal);
      events.ended(fault);
      resolve();
    };
  });
  socket.onerror = ({ error, message }) => {
    cause = error ?? message;
  };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) return events.message(new Uint8Array(data));
    events.ended(new ClipClientError('bad_answer', 'expected a binary frame, got text'));
    socket.close();
  };
  const late = () => socket.close();
  signal.addEventListener('abort', late, { once: true });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => {
      signal.removeEventListener('abort', late);
      resolve();
    };
    void closed.then(() => reject(notOpened(url, cause, signal)));
  });
  open = true;
  return {
    send: (message) => socket.send(message),
    async end() {
      socket.send(END_OF_INPUT);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([closed, late]);
      clearTimeout(timer);
    },
    drop: () => socket.close(NORMAL),
  };
}

/** A browser does not tell a page why. */
function notOpened(url: string, cause: unknown, signal: AbortSignal): ClipClientError {
  if (signal.aborted)
    return new ClipClientError('connection_failed', `${url}: expected a connection in time, got none`);
  const fault = faultOfConnection(cause ?? 'no connection could be made', url);
  if (fault.code !== 'connection_lost') return fault;
  const refusal = /Unexpected server response: (\d+)/.exec(fault.message)?.[1];
  if (refusal === '401' || refusal === '403')
    return new ClipClientError('unauthorized', fault.message, { status: Number(refusal), cause });
  return new ClipClientError('connection_failed', fault.message, { cause });
}
