import { once } from 'node:events';
import { test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import type { Config } from '../../../src/config/config.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import type { Certificates } from '../../../src/protocol/certificates.ts';
import type { StartedListener } from '../../../src/protocol/site.ts';
import { startWebSocket } from '../../../src/protocol/websocket/start.ts';
import { FakeService, testConfig } from '../fake-service.ts';
import { Client } from './client.ts';

export interface Rig {
  readonly listener: StartedListener;
  readonly port: number;
  readonly service: FakeService;
  readonly metrics: Metrics;
  /** Emptied for ready. */
  readonly reasons: string[];
  /** Resolves once it is open. */
  connect(protocol?: string | string[], options?: ClientOptions & { path?: string }): Promise<Client>;
  /** The value of a metric's line; 0 where there is none. */
  count(line: string): Promise<number>;
}

export interface Settings {
  readonly gateway?: Partial<Config['gateway']>;
  readonly limits?: Partial<Config['limits']>;
  readonly certificates?: Certificates;
}

export async function openRig({ gateway, limits, certificates }: Settings = {}): Promise<Rig> {
  const service = new FakeService();
  const metrics = new Metrics();
  const reasons: string[] = [];
  const listener = await startWebSocket({
    config: testConfig(gateway, limits),
    listener: { protocol: 'websocket', port: 0 },
    service,
    health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
    metrics,
    log: silentLog,
    version: '1.2.3',
    certificates,
  });
  const { port } = listener.address;
  const scheme = certificates ? 'wss' : 'ws';
  return {
    listener,
    port,
    service,
    metrics,
    reasons,
    connect: async (protocol, { path = '/', ...options } = {}) => {
      const url = `${scheme}://127.0.0.1:${port}${path}`;
      const socket = new WebSocket(url, [protocol ?? []].flat(), { perMessageDeflate: false, ...options });
      const client = new Client(socket);
      await once(socket, 'open');
      return client;
    },
    count: async (line) => {
      const found = (await metrics.text()).split('\n').find((each) => each.startsWith(`${line} `));
      return Number(found?.slice(line.length + 1) ?? 0);
    },
  };
}

/** A test with a server of its own. */
export function on(name: string, run: (rig: Rig) => Promise<void>, settings: Settings = {}): void {
  test(name, { timeout: 120_000 }, async () => {
    const rig = await openRig(settings);
    try {
      await run(rig);
    } finally {
      await rig.listener.close(0);
    }
  });
}

/** Lets everything that is ready run. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The line of the metric that counts what a limit refused. */
export const limit = (name: string): string => `clip_limit_reached_total{limit="${name}"}`;
