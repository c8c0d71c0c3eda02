import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The ports by protocol, as a flow names them. */
export type Ports = Readonly<Partial<Record<'grpc' | 'http' | 'websocket', number>>>;

export interface RunningServer {
  /** Of HTTP. */
  readonly url: string;
  readonly ports: Ports;
  readonly pid: number;
  /** By SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

export interface BuiltServerOptions {
  readonly replicas?: number;
  /** Default `onnx`, on the CPU; `tensorrt` is on CUDA. */
  readonly runtime?: 'onnx' | 'tensorrt';
  readonly nodeOptions?: string;
  /** Keys of `with` beside ports, protocols and host. */
  readonly gateway?: Readonly<Record<string, string | number | boolean>>;
  /** Keys of the encoder beside `model_path` and `device`. */
  readonly encoder?: Readonly<Record<string, string | number | boolean>>;
  /** Default: HTTP alone, on a free port. */
  readonly ports?: Ports;
  /** In place of this process's environment. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly tls?: Readonly<Record<'certificate' | 'key', string>> | undefined;
  /** In place of this project's own. */
  readonly launch?: string;
}

/** Starts the built server in a process of its own and resolves when it is ready. */
export async function startBuiltServer(
  modelPath: string,
  threads: number,
  options: BuiltServerOptions = {},
): Promise<RunningServer> {
  const { nodeOptions = '', ports = { http: 0 }, environment = process.env } = options;
  const folder = await mkdtemp(join(tmpdir(), 'clip-server-'));
  const flow = join(folder, 'flow.yml');
  writeFileSync(flow, flowText(modelPath, ports, options));
  const { launch = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname } = options;
  const env = {
    ...environment,
    NODE_OPTIONS: nodeOptions,
    OMP_NUM_THREADS: String(threads),
    JINA_LOG_LEVEL: 'warning',
  };
  const child = spawn(launch, [flow], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const bound = await boundPorts(child, Object.keys(ports));
  return {
    pid: child.pid!,
    ports: bound,
    url: `http://127.0.0.1:${bound.http}`,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      await rm(folder, { recursive: true });
      return code;
    },
  };
}

/** A flow that both this server and the Python server read. */
export function flowText(
  modelPath: string,
  ports: Ports,
  {
    replicas = 1,
    runtime = 'onnx',
    encoder = {},
    gateway = {},
    tls,
  }: Pick<BuiltServerOptions, 'replicas' | 'runtime' | 'encoder' | 'gateway' | 'tls'> = {},
): string {
  const pair = tls ? `\n  ssl_certfile: ${tls.certificate}\n  ssl_keyfile: ${tls.key}` : '';
  const settings = Object.entries(gateway).map(([key, value]) => `\n  ${key}: ${JSON.stringify(value)}`);
  const others = Object.entries(encoder).map(([key, value]) => `\n        ${key}: ${JSON.stringify(value)}`);
  return `jtype: Flow
version: '1'
with:
  port: [${Object.values(ports).join(', ')}]
  protocol: [${Object.keys(ports).join(', ')}]
  host: 127.0.0.1${pair}${settings.join('')}
executors:
  - name: clip_o
    replicas: ${replicas}
    uses:
      jtype: CLIPEncoder
      with:
        model_path: ${JSON.stringify(modelPath)}
        device: ${runtime === 'onnx' ? 'cpu' : 'cuda'}${others.join('')}
      metas:
        py_modules:
          - clip_server.executors.clip_${runtime}
`;
}

async function boundPorts(child: ChildProcess, protocols: readonly string[]): Promise<Ports> {
  const bound: number[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = /Local: 127\.0\.0\.1:(\d+)/.exec(line);
    if (found) bound.push(Number(found[1]));
    if (bound.length === protocols.length)
      return Object.fromEntries(protocols.map((protocol, at) => [protocol, bound[at]!]));
  }
  throw new Error('the server ended before it was ready');
}
