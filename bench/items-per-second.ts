import { Agent } from 'node:http';
import { post } from './post.ts';

export interface Load {
  readonly url: string;
  /** Bodies of `perRequest` items, sent in turn. */
  readonly bodies: readonly Buffer[];
  readonly perRequest: number;
  /** Requests in flight. */
  readonly clients: number;
  /** For so long new requests are sent; what is in flight then is waited for. */
  readonly seconds: number;
}

/** Items per second from the first request to the last answer: the engine has work all the time, and all work counts. */
export async function itemsPerSecond({ url, bodies, perRequest, clients, seconds }: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const start = performance.now();
  let sent = 0;
  const client = async () => {
    while (performance.now() - start < seconds * 1000) {
      await post(`${url}/encode`, bodies[sent++ % bodies.length]!, agent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return (sent * perRequest) / ((performance.now() - start) / 1000);
}
