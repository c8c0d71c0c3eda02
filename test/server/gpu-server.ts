import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { buildFakes, headersOf } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import { emptyFolder } from '../model/folder.ts';
import { testModel } from '../models/test-model.ts';

const LAUNCH = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;

/** Why the tests with fakes cannot run here; false where they can. */
export async function noFakes(): Promise<string | false> {
  return (await headersOf(10)) === undefined && "TensorRT's headers are not here (npm run headers)";
}

/** A folder of the fakes that has all that building takes. */
export async function fakeFolder(t: TestContext): Promise<string> {
  const folder = await emptyFolder(t);
  cpSync(await buildFakes(10), folder, { recursive: true });
  // Any library will do.
  cpSync(join(folder, 'libcuda.so.1'), join(folder, 'libnvinfer_builder_resource_ptx.so.10.16.0'));
  return folder;
}

export interface GpuServerOptions {
  /** Of the fakes; absent: TensorRT is not found. */
  readonly folder?: string;
  /** Where engines are kept. */
  readonly engines: string;
  readonly knobs?: Knobs;
  /** A folder with its files; by default one whose vectors are sums. */
  readonly model?: string;
  readonly replicas?: number;
  readonly limits?: Readonly<Record<string, number>>;
  /** Keys of the encoder. */
  readonly encoder?: Readonly<Record<string, string | number | boolean>>;
}

/** The built server with a flow of clip_tensorrt, given on standard input. */
export class GpuServer {
  readonly child: ChildProcess;
  readonly ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  /** Of the log, as they came. */
  readonly lines: string[] = [];
  url = '';
  readonly #waiting = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.child = child;
    // Not its exit: the last lines may still be in the pipe.
    this.ended = once(child, 'close') as GpuServer['ended'];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.#waiting) look();
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const port = /Local: 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (!port) return;
      this.url = `http://127.0.0.1:${port}`;
      this.lines.push('ready');
      for (const look of this.#waiting) look();
    });
  }

  static async start(t: TestContext, options: GpuServerOptions): Promise<GpuServer> {
    const { folder, engines, knobs = {}, replicas = 1, limits = {}, encoder = {} } = options;
    const model = options.model ?? (await testModel('sum'));
    const flow = {
      jtype: 'Flow',
      with: { port: 0, host: '127.0.0.1', protocol: 'http', limits, files: { engines } },
      executors: [
        {
          replicas,
          uses: {
            jtype: 'CLIPEncoder',
            with: { model_path: model, ...encoder },
            metas: { py_modules: ['clip_server.executors.clip_tensorrt'] },
          },
        },
      ],
    };
    const fakes = folder === undefined ? {} : fakeEnvironment(folder, knobs);
    const child = spawn(LAUNCH, ['-i'], { env: { ...process.env, ...fakes, OMP_NUM_THREADS: '1' } });
    child.stdin.end(JSON.stringify(flow));
    const server = new GpuServer(child);
    t.after(() => void child.kill('SIGKILL'));
    return server;
  }

  /** Resolves once it serves for the nth time. Rejects where it ends before. */
  async ready(times = 1): Promise<void> {
    await this.line(/^ready$/, times);
  }

  /** Resolves to the nth line of the log with these words. */
  line(words: string | RegExp, times = 1): Promise<string> {
    const matches = (line: string) => (typeof words === 'string' ? line.includes(words) : words.test(line));
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.filter(matches)[times - 1];
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
      void this.ended.then(() => reject(new Error(`ended before "${words}":\n${this.lines.join('\n')}`)));
    });
  }

  /** Sends documents; resolves to the status and the body. Rejects where nobody listens. */
  async post(documents: readonly object[]) {
    const answer = await this.#fetch('/post', {
      method: 'POST',
      body: JSON.stringify({ data: documents, execEndpoint: '/' }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: a test reads what a JSON client would
    return { status: answer.status, body: (await answer.json()) as any };
  }

  async vector(text: string): Promise<number[]> {
    const { status, body } = await this.post([{ text }]);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    return body.data[0].embedding;
  }

  /** `/status`, what the server says of itself. */
  async status(): Promise<Record<string, string>> {
    const answer = await this.#fetch('/status');
    return ((await answer.json()) as { jina: Record<string, string> }).jina;
  }

  async metrics(): Promise<string> {
    return (await this.#fetch('/metrics')).text();
  }

  /** A connection of its own: one that was kept would belong to a process that is gone. */
  #fetch(path: string, request: RequestInit = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', connection: 'close' };
    return fetch(this.url + path, { ...request, headers });
  }

  /** By SIGTERM to the supervisor; resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return (await this.ended)[0];
  }
}
