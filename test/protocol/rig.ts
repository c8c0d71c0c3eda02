import { describe, test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { openPlayground } from '../../src/playground/playground.ts';
import { startHttp } from '../../src/protocol/http/start.ts';
import type { StartedListener } from '../../src/protocol/site.ts';
import { FakeService, testConfig } from './fake-service.ts';
import { SERVERS } from './servers.ts';

export interface Rig {
  readonly http: StartedListener;
  readonly port: number;
  readonly service: FakeService;
  readonly metrics: Metrics;
  /** Emptied for ready. */
  readonly reasons: string[];
  request(path: string, init?: RequestInit): Promise<Response>;
  /** POSTs JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look anywhere into answers
  readonly body: any;
}

interface Settings {
  readonly gateway?: Partial<Config['gateway']>;
  readonly limits?: Partial<Config['limits']>;
  readonly executor?: Partial<Config['executor']>;
  /** Whether the page for browsers is there. */
  readonly playground?: boolean;
}

async function openRig(httpServer: 'node' | 'uws', settings: Settings): Promise<Rig> {
  const service = new FakeService();
  const metrics = new Metrics();
  const reasons: string[] = [];
  const playground = settings.playground && (await openPlayground({ service, log: silentLog }));
  const http = await startHttp({
    ...(playground && { playground }),
    config: testConfig({ ...settings.gateway, httpServer }, settings.limits, settings.executor),
    listener: { protocol: 'http', port: 0 },
    service,
    health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
    metrics,
    log: silentLog,
    version: '1.2.3',
    certificates: undefined,
  });
  const { port } = http.address;
  const request = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  return {
    http,
    port,
    service,
    metrics,
    reasons,
    request,
    post: async (path, body, headers) => {
      const response = await request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
  };
}

/** Declares the same tests for both servers; each test gets a server of its own. */
export function onBothServers(
  declare: (on: (name: string, run: (rig: Rig) => Promise<void>, settings?: Settings) => void) => void,
): void {
  for (const { implementation, skip } of SERVERS) {
    describe(`on ${implementation}`, { skip }, () => {
      declare((name, run, settings = {}) => {
        test(name, { timeout: 120_000 }, async () => {
          const rig = await openRig(implementation, settings);
          try {
            await run(rig);
          } finally {
            await rig.http.close(0);
          }
        });
      });
    });
  }
}
