import { setTimeout as wait } from 'node:timers/promises';
import { type RunningServer, startBuiltServer } from '../server/built-server.ts';
import { type BuiltModel, type Run, THREADS } from './host.ts';

const POLL_MS = 100;

export interface GpuServer extends RunningServer {
  /** Of the process that serves, a child of the supervisor's. */
  servingPid(): Promise<number>;
}

/** The built server with a flow of clip_tensorrt, which must not be served by anything else. */
export async function startGpuServer(
  run: Run,
  { path }: BuiltModel,
  { NODE_OPTIONS = '', ...variables }: Readonly<Record<string, string>> = {},
): Promise<GpuServer> {
  const server = await startBuiltServer(path, THREADS, {
    runtime: 'tensorrt',
    encoder: { fallback: false, num_worker_preprocess: THREADS },
    ports: { http: 0, websocket: 0 },
    environment: { ...process.env, ...variables, CLIP_ENGINE_CACHE: run.config.engines.folder },
    nodeOptions: NODE_OPTIONS,
  });
  try {
    const { runtime } = await statusOf(server);
    if (runtime !== 'tensorrt') throw new Error(`tensorrt expected to serve, got ${runtime}`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, servingPid: async () => Number((await statusOf(server)).uid) };
}

async function statusOf({ url }: RunningServer): Promise<Record<string, string>> {
  const answer = await fetch(`${url}/status`, { headers: { connection: 'close' } });
  return ((await answer.json()) as { jina: Record<string, string> }).jina;
}

/** Resolves once another process than `pid` serves. @throws the signal's reason */
export async function untilRestarted(server: GpuServer, pid: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const now = await server.servingPid().catch(() => pid);
    if (now !== pid) return;
    await wait(POLL_MS, undefined, { signal });
  }
}

/** Vectors of documents, by `/post`; a connection that is kept belongs to one serving process. @throws Error with the status and the body where it is not 200 */
export async function vectorsOf(
  server: RunningServer,
  documents: readonly object[],
  connection: 'close' | 'keep-alive' = 'close',
): Promise<number[][]> {
  const answer = await fetch(`${server.url}/post`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection },
    body: JSON.stringify({
      data: documents,
      execEndpoint: '/',
      parameters: { drop_image_content: true },
    }),
  });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
  return data.map(({ embedding }) => embedding);
}
