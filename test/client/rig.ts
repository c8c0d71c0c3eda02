import { createHash } from 'node:crypto';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { listen } from '../../src/protocol/listen.ts';
import { FakeService, testConfig } from '../protocol/fake-service.ts';

export const SCHEMES = ['http', 'grpc', 'ws'] as const;
export type Scheme = (typeof SCHEMES)[number];

const digest = (key: string): string => createHash('sha256').update(key).digest('hex');

/** One service behind all three protocols, each on a free port of the loopback interface. */
export interface Rig extends AsyncDisposable {
  readonly service: FakeService;
  /** Emptied for ready. */
  readonly reasons: string[];
  url(scheme: Scheme): string;
}

export async function openRig(
  apiKeys: readonly string[] = [],
  service: FakeService = new FakeService(),
): Promise<Rig> {
  const reasons: string[] = [];
  const protocols = { http: 'http', grpc: 'grpc', ws: 'websocket' } as const;
  const listeners = Object.values(protocols).map((protocol) => ({ protocol, port: 0 }));
  const sockets = await listen({
    config: testConfig({ listeners, cors: true, apiKeys: apiKeys.map(digest) }),
    service,
    health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
    metrics: new Metrics(),
    log: silentLog,
    version: '1.2.3',
  });
  return {
    service,
    reasons,
    url: (scheme) => {
      const endpoint = sockets.endpoints.find(({ protocol }) => protocol === protocols[scheme])!;
      return `${scheme}://127.0.0.1:${endpoint.address.port}`;
    },
    [Symbol.asyncDispose]: () => sockets.close(0),
  };
}
