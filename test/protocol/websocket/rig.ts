import { once } from 'node:events';
import { test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import type { Config } from '../../../src/config/config.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import type { StartedListener } from '../../../src/protocol/site.ts';
import { startWebSocket } from '../../../src/protocol/websocket/start.ts';
import { FakeService, testConfig } from '../fake-service.ts';

export interface Rig {
  readonly server: StartedListener;
  readonly port: number;
  readonly service: FakeService;
  readonly metrics: Metrics;
  /** Emptied for ready. */
  readonly reasons: string[];
  /** Resolves when the connection is open. */
  connect(protocol?: 'bytes' | 'json', path?: string, options?: ClientOptions): Promise<Client>;
}

interface Settings {
  readonly gateway?: Partial<Config['gateway']>;
  readonly limits?: Partial<Config['limits']>;
}

/** A client that keeps what comes. */
export class Client {
  readonly socket: WebSocket;
  readonly messages: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  /** Code and reason. */
  readonly closed: Promise<readonly [number, string]>;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      this.messages.push({ data: data as Buffer, isBinary });
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        for (const wake of this.#wake.splice(0)) wake();
        resolve([code, reason.toString()]);
      });
    });
    socket.on('error', () => {});
  }

  /** The first `count` messages, as JSON; fewer where the connection ends before. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look anywhere into answers
  async json(count: number): Promise<any[]> {
    while (this.messages.length < count && this.socket.readyState !== WebSocket.CLOSED)
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.messages.slice(0, count).map(({ data }) => JSON.parse(data.toString()));
  }
}

/** A test with a WebSocket server of its own. */
export function onServer(name: string, run: (rig: Rig) => Promise<void>, settings: Settings = {}): void {
  test(name, { timeout: 30_000 }, async () => {
    const service = new FakeService();
    const metrics = new Metrics();
    const reasons: string[] = [];
    const server = await startWebSocket({
      config: testConfig(settings.gateway, settings.limits),
      listener: { protocol: 'websocket', port: 0 },
      certificates: undefined,
      service,
      health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
      metrics,
      log: silentLog,
      version: '1.2.3',
    });
    const { port } = server.address;
    const connect: Rig['connect'] = async (protocol, path = '/', options = {}) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol ? [protocol] : [], options);
      const client = new Client(socket);
      await once(socket, 'open');
      return client;
    };
    try {
      await run({ server, port, service, metrics, reasons, connect });
    } finally {
      await server.close(0);
    }
  });
}
