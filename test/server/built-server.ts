import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  /** By SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

export interface ServerOptions {
  readonly replicas?: number;
  readonly nodeOptions?: string;
  /** Keys beside `model_path` and `device`. */
  readonly encoder?: Readonly<Record<string, string | number | boolean>>;
}

/** Starts the built server in a process of its own on a free port and resolves when it is ready. */
export async function startBuiltServer(
  modelPath: string,
  threads: number,
  options: ServerOptions = {},
): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-server-'));
  const flow = join(folder, 'flow.yml');
  writeFileSync(flow, flowText(modelPath, options));
  const launch = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;
  const env = {
    ...process.env,
    NODE_OPTIONS: options.nodeOptions ?? '',
    OMP_NUM_THREADS: String(threads),
    JINA_LOG_LEVEL: 'warning',
  };
  const child = spawn(process.execPath, [launch, flow], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await portOf(child);
  return {
    pid: child.pid!,
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      await rm(folder, { recursive: true });
      return code;
    },
  };
}

function flowText(modelPath: string, { replicas = 1, encoder = {} }: ServerOptions): string {
  const others = Object.entries(encoder).map(([key, value]) => `\n        ${key}: ${JSON.stringify(value)}`);
  return `jtype: Flow
with:
  port: 0
  host: 127.0.0.1
  protocol: http
executors:
  - name: clip_o
    replicas: ${replicas}
    uses:
      jtype: CLIPEncoder
      with:
        model_path: ${JSON.stringify(modelPath)}
        device: cpu${others.join('')}
      metas:
        py_modules:
          - clip_server.executors.clip_onnx
`;
}

async function portOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = /Local: 127\.0\.0\.1:(\d+)/.exec(line);
    if (found) return found[1]!;
  }
  throw new Error('the server ended before it was ready');
}
