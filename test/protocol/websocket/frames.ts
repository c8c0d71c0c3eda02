import { RawClient } from '../raw-client.ts';

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
export class FrameClient extends RawClient {
  #at = 0;

  static async open(port: number, protocol?: string): Promise<FrameClient> {
    const client = new FrameClient(port);
    client.send(upgrade('/', protocol));
    const head = await client.until((text) => text.includes('\r\n\r\n'));
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`expected 101, got ${head.slice(0, 100)}`);
    client.#at = head.indexOf('\r\n\r\n') + 4;
    return client;
  }

  /** The next frame of the server; undefined where the connection ended first. */
  async frame(): Promise<Frame | undefined> {
    const start = this.#at;
    const byte = (at: number) => this.received.charCodeAt(at);
    const head = () => {
      const short = byte(start + 1);
      return short < 126 ? 2 : short === 126 ? 4 : 10;
    };
    const length = () => {
      if (head() === 2) return byte(start + 1);
      let value = 0;
      for (let at = start + 2; at < start + head(); at += 1) value = value * 256 + byte(at);
      return value;
    };
    const complete = (text: string) =>
      text.length >= start + 2 && text.length >= start + head() && text.length >= start + head() + length();
    if (!complete(await this.until(complete))) return undefined;
    this.#at = start + head() + length();
    const payload = Buffer.from(this.received.slice(start + head(), this.#at), 'latin1');
    return { opcode: byte(start) & 0x0f, payload };
  }

  /** The code of the close frame that comes after whatever else; undefined where none comes. */
  async closeCode(): Promise<number | undefined> {
    for (let frame = await this.frame(); frame; frame = await this.frame())
      if (frame.opcode === CLOSE) return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
    return undefined;
  }
}

export function upgrade(path = '/', protocol?: string, headers = ''): string {
  const asked = protocol === undefined ? '' : `sec-websocket-protocol: ${protocol}\r\n`;
  return (
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
    `sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${asked}${headers}\r\n`
  );
}
