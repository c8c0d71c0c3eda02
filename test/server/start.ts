import { readConfig } from '../../src/config/read.ts';
import { type Server, startServer } from '../../src/main.ts';
import { type Logger, silentLog } from '../../src/observe/log.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what a JSON client would
  readonly body: any;
}

export interface TestServer {
  readonly server: Server;
  readonly url: string;
  post(path: string, body: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** The whole server in this process on a free port of the loopback interface. */
export async function serveModel(
  modelPath: string,
  options: { gateway?: object; encoder?: object; executor?: object; log?: Logger } = {},
): Promise<TestServer> {
  const flow = {
    jtype: 'Flow',
    with: { port: 0, host: '127.0.0.1', protocol: 'http', ...options.gateway },
    executors: [
      {
        name: 'clip_o',
        ...options.executor,
        uses: {
          jtype: 'CLIPEncoder',
          with: { model_path: modelPath, device: 'cpu', ...options.encoder },
          py_modules: ['clip_server.executors.clip_onnx'],
        },
      },
    ],
  };
  const config = await readConfig({ argument: JSON.stringify(flow) }, {});
  const server = await startServer(config, {
    log: options.log ?? silentLog,
    progress: () => {},
    signal: new AbortController().signal,
    version: '0.0.0',
  });
  const url = `http://127.0.0.1:${server.endpoints[0]!.address.port}`;
  return {
    server,
    url,
    async post(path, body) {
      const answer = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: await answer.json() };
    },
    close: () => server.close(),
  };
}
