import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { pythonWith } from './environment.ts';

const PROTOCOLS = ['grpc', 'http', 'websocket'] as const;
const SCHEMES = {
  plain: { grpc: 'grpc', http: 'http', websocket: 'ws' },
  tls: { grpc: 'grpcs', http: 'https', websocket: 'wss' },
};
type Security = keyof typeof SCHEMES;
/** Jina's versions, and whether every scenario is run or the short set. */
const CLIENTS = { '3.15.2': 'full', '3.14.1': 'short', '3.20.3': 'short' } as const;
const AT_ONCE = 2;
const RUN_MS = 120_000;

const certificate = (name: string): string => join(import.meta.dirname, '../protocol/certs', name);
const ROOT = certificate('ca.crt');

interface Line {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const pythons = await installed();
const reason = pythons instanceof Error ? `no Python client: ${pythons.message}` : false;

test('the Python client', { skip: reason, concurrency: AT_ONCE, timeout: 3 * RUN_MS }, async (t) => {
  if (pythons instanceof Error) return;
  const model = await testModel('tiny');
  const servers = { plain: await serve(model, 'plain'), tls: await serve(model, 'tls') };
  after(async () => {
    await Promise.all([servers.plain.close(), servers.tls.close()]);
  });
  const runs: Promise<void>[] = [];
  for (const [version, extent] of Object.entries(CLIENTS))
    for (const security of ['plain', 'tls'] as const)
      for (const protocol of PROTOCOLS) {
        if (security === 'tls' && extent === 'short') continue;
        const target = { ...addresses(servers[security], security, protocol), extent };
        runs.push(
          t.test(`jina ${version}, ${protocol}, ${security}`, (t) =>
            runScenarios(t, pythons.get(version)!, target),
          ),
        );
      }
  await Promise.all(runs);
});

/** Python of each client, or why there is none; with CLIP_SERVER_REQUIRE_PYTHON set, that is a failure. */
async function installed(): Promise<Map<string, string> | Error> {
  try {
    const versions = Object.keys(CLIENTS);
    const paths = await Promise.all(
      versions.map((version) => pythonWith(join(import.meta.dirname, `requirements/jina-${version}.txt`))),
    );
    return new Map(versions.map((version, index) => [version, paths[index]!]));
  } catch (error) {
    if (process.env.CLIP_SERVER_REQUIRE_PYTHON) throw error;
    return error as Error;
  }
}

function serve(model: string, security: Security): Promise<TestServer> {
  const tls = { ssl_certfile: certificate('server.crt'), ssl_keyfile: certificate('server.key') };
  const gateway = { protocol: [...PROTOCOLS], port: PROTOCOLS.map(() => 0), ...(security === 'tls' && tls) };
  return serveModel(model, { gateway });
}

function addresses({ server }: TestServer, security: Security, protocol: (typeof PROTOCOLS)[number]) {
  const of = (name: (typeof PROTOCOLS)[number]) => {
    const { port } = server.endpoints.find((endpoint) => endpoint.protocol === name)!.address;
    return `${SCHEMES[security][name]}://127.0.0.1:${port}`;
  };
  return { url: of(protocol), http: of('http') };
}

/** One Python process; each line that it prints is a test. */
async function runScenarios(
  t: TestContext,
  python: string,
  { url, http, extent }: { url: string; http: string; extent: string },
): Promise<void> {
  const child = spawn(python, [join(import.meta.dirname, 'run.py'), url, http, extent], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS,
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      SSL_CERT_FILE: ROOT,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ROOT,
    },
  });
  let noise = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    noise = (noise + part).slice(-4000);
  });
  const ended = once(child, 'close');
  let seen = 0;
  let announced: number | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line: Line | { scenarios: number } = JSON.parse(text);
    if ('scenarios' in line) {
      announced = line.scenarios;
      continue;
    }
    seen++;
    await t.test(line.name, (t) => {
      if (!line.ok) throw new Error(line.detail);
      t.diagnostic(line.detail);
    });
  }
  const [code, signal] = await ended;
  if (announced !== seen || seen === 0)
    throw new Error(`Python ended with ${code ?? signal} after ${seen} scenarios: ${noise}`);
}
