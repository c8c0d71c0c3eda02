import { connect, type Socket } from 'node:net';

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const ACK = 1;
export const ENHANCE_YOUR_CALM = 11;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEAD = 9;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One header without any table, as HPACK writes it; lengths of up to 16 KiB. */
export function header(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const { length } = value;
  if (length < 127) return Buffer.concat([Buffer.from([length]), Buffer.from(value)]);
  const rest = length - 127;
  return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), Buffer.from(value)]);
}

/** The headers of a gRPC call. */
export function callHeaders(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'test',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  };
  return Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
}

/** A message with its prefix. */
export function prefixed(message: Uint8Array, compressed = false): Buffer {
  return Buffer.concat([Buffer.from([compressed ? 1 : 0]), uint32(message.length), message]);
}

/** An HTTP/2 connection that sends exactly the frames it is told and keeps those that come. */
export class FrameClient implements Disposable {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #rest = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  /** @param greet what is sent at first: nothing; the preface; or also that the server's settings are taken */
  constructor(port: number, greet: 'no' | 'preface' | 'settings' = 'settings') {
    this.socket = connect({ port, host: '127.0.0.1' });
    // A connection that the server resets is an outcome like any other.
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.socket.once('close', () => {
      this.closed = true;
      this.#notify();
    });
    if (greet !== 'no') this.send(PREFACE, frame(SETTINGS, 0, 0));
    if (greet === 'settings') this.send(frame(SETTINGS, ACK, 0));
  }

  send(...parts: Uint8Array[]): boolean {
    return this.socket.write(Buffer.concat(parts));
  }

  /** Resolves with the first frame of which `test` holds; undefined where the connection ended before. */
  async first(test: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(test);
      if (found || this.closed) return found;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async end(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= HEAD) {
      const end = HEAD + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      this.frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        stream: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: this.#rest.subarray(HEAD, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** The error code of a GOAWAY and what is said with it. */
export function goodbye({ payload }: Frame): { code: number; text: string } {
  return { code: payload.readUInt32BE(4), text: payload.subarray(8).toString() };
}
