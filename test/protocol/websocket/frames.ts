import { connect, type Socket } from 'node:net';

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export interface FrameOptions {
  readonly fin?: boolean;
  /** Of the three reserved bits, 0 to 7. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Where it is not the payload's. */
  readonly length?: number;
}

/** One frame of a client. */
export function frame(opcode: number, payload: string | Uint8Array = '', options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, masked = true } = options;
  const bytes = Buffer.from(payload);
  const { length = bytes.length } = options;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = masked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0);
  const body = masked ? bytes.map((byte, i) => byte ^ mask[i % 4]!) : bytes;
  return Buffer.concat([Buffer.from([first]), lengthBytes(length, masked), mask, body]);
}

function lengthBytes(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  const bytes = Buffer.alloc(length < 65536 ? 3 : 9);
  bytes[0] = bit | (length < 65536 ? 126 : 127);
  if (length < 65536) bytes.writeUInt16BE(length, 1);
  else bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Uint8Array = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Speaks WebSocket by hand, frame by frame. */
export class FrameClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A connection that the server resets is an outcome like any other.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      }),
    );
  }

  static async open(port: number, protocol?: string): Promise<FrameClient> {
    const client = new FrameClient(port);
    client.send(upgrade('/', protocol));
    const head = await client.#take((received) => {
      const end = received.indexOf('\r\n\r\n');
      return end < 0 ? undefined : end + 4;
    });
    if (!head?.toString().startsWith('HTTP/1.1 101')) throw new Error(`expected 101, got ${head}`);
    return client;
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next frame of the server; undefined where the connection ended first. */
  async frame(): Promise<Frame | undefined> {
    const head = await this.#take((received) => {
      const length = received[1] === 126 ? 4 : received[1] === 127 ? 10 : 2;
      return received.length < length ? undefined : length;
    });
    if (!head) return undefined;
    const length =
      head.length === 2 ? head[1]! : head.readUIntBE(head.length === 4 ? 2 : 4, head.length === 4 ? 2 : 6);
    const payload = await this.#take((received) => (received.length < length ? undefined : length));
    return payload && { opcode: head[0]! & 0x0f, payload };
  }

  /** The code of the close frame that comes after whatever else; undefined where none comes. */
  async closeCode(): Promise<number | undefined> {
    for (let frame = await this.frame(); frame; frame = await this.frame())
      if (frame.opcode === CLOSE) return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
    return undefined;
  }

  /** What has come and was not asked for. */
  get rest(): Buffer {
    return this.#received;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** So many of the next bytes as `measure` says, once it says so. */
  async #take(measure: (received: Buffer) => number | undefined): Promise<Buffer | undefined> {
    for (;;) {
      const length = measure(this.#received);
      if (length !== undefined) {
        const taken = this.#received.subarray(0, length);
        this.#received = this.#received.subarray(length);
        return taken;
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export function upgrade(path = '/', protocol?: string, headers = ''): string {
  const asked = protocol === undefined ? '' : `sec-websocket-protocol: ${protocol}\r\n`;
  return (
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
    `sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${asked}${headers}\r\n`
  );
}
