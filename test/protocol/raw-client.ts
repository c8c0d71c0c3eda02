import { connect, type Socket } from 'node:net';

/** A TCP connection that sends exactly what it is told and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received = '';
  isClosed = false;
  #wake: (() => void)[] = [];

  constructor(port: number, options: { readonly allowHalfOpen?: boolean } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', ...options });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
      this.#notify();
    });
    // A connection that the server resets is an outcome like any other.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.isClosed = true;
        this.#notify();
        resolve();
      }),
    );
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** Resolves when `test` holds for what was received, or when the connection ended. */
  async until(test: (received: string) => boolean): Promise<string> {
    while (!test(this.received) && !this.isClosed)
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.received;
  }

  /** The status codes received, when there are `count` of them or the connection ended. */
  async statuses(count = 1): Promise<number[]> {
    const find = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code));
    await this.until((text) => find(text).length >= count && text.endsWith('\n') === false);
    return find(this.received);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Head and body of a POST with a Content-Length. */
export function post(path: string, body: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host: 'x', 'content-type': 'application/json', ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `POST ${path} HTTP/1.1\r\n${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;
}
