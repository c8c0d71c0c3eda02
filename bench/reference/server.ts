import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pythonWith } from '../../test/python/environment.ts';
import { flowText } from '../../test/server/built-server.ts';

const REQUIREMENTS = new URL('./clip-server-0.8.3.txt', import.meta.url).pathname;
const POLL_MS = 20;
const START_MS = 60_000;

/** Free ports, by name. */
export async function freePorts<Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const servers = await Promise.all(
    names.map(async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(names.map((name, at) => [name, ports[at]!])) as Record<Name, number>;
}

/**
 * Makes the environment of the Python server (clip-server 0.8.3 on ONNX Runtime, jina 3.15.2, Python 3.10) and gives what
 * starts it on all three protocols; that resolves once a text has been answered over HTTP.
 *
 * @throws Error where there is no Python 3.10, or the packages cannot be had
 */
export async function startPython() {
  const python = await pythonWith(REQUIREMENTS, ['3.10']);
  return async (modelPath: string) => {
    const ports = await freePorts(['http', 'grpc', 'websocket']);
    const folder = await mkdtemp(join(tmpdir(), 'clip-python-'));
    const flow = join(folder, 'flow.yml');
    writeFileSync(flow, flowText(modelPath, ports));
    const env = { ...process.env, JINA_OPTOUT_TELEMETRY: '1', NO_VERSION_CHECK: '1', OMP_NUM_THREADS: '1' };
    const child = spawn(python, ['-m', 'clip_server', flow], {
      cwd: folder,
      env,
      stdio: process.env.PYLOG ? 'inherit' : 'ignore',
    });
    const end = performance.now() + START_MS;
    while (!(await answers(ports.http))) {
      if (performance.now() > end || child.exitCode !== null)
        throw new Error(`the Python server did not answer; its exit code is ${child.exitCode}`);
      await wait(POLL_MS);
    }
    return {
      pid: child.pid!,
      ports,
      async stop() {
        const ended = once(child, 'exit');
        child.kill('SIGINT');
        await ended;
        await rm(folder, { recursive: true });
      },
    };
  };
}

async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/post`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: [{ text: 'a photo' }], execEndpoint: '/encode' }),
  }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status === 200;
}
