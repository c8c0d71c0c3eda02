import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { testModel } from '../models/test-model.ts';
import { pythonOrSkip } from '../python/environment.ts';
import { startBuiltServer } from '../server/built-server.ts';

/** Cases that must have been tried; `npm run test:openapi` sets 2000, and tries every route on both HTTP servers. */
const wanted = Number(process.env.CLIP_SERVER_OPENAPI_CASES ?? 0);
const MODEL = 'a-clip';
const KEY = 'sk-of-the-schemathesis-tests';
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
];
/** Routes that do what `/post` does. */
const ALIKE = ['/index', '/search', '/delete', '/update', '/encode/{model}'];
const RUN_MS = 15 * 60_000;

const { python, skip } = await pythonOrSkip(
  join(import.meta.dirname, 'requirements/schemathesis-4.30.1.txt'),
);

for (const http_server of wanted > 0 ? ['uws', 'node'] : ['auto'])
  test(`what /openapi.json says is true (${http_server})`, { skip, timeout: RUN_MS }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'clip-openapi-'));
    const server = await startBuiltServer(await testModel('tiny'), 1, {
      environment: { ...process.env, CLIP_SERVER_API_KEYS: KEY },
      encoder: { name: MODEL },
      gateway: { http_server },
    });
    try {
      const headers = { authorization: `Bearer ${KEY}` };
      const api = await (await fetch(`${server.url}/openapi.json`, { headers })).json();
      await writeFile(join(folder, 'openapi.json'), JSON.stringify(narrowed(api)));
      const { code, output } = await run(folder, server.url);
      assert.equal(code, 0, output);
      const cases = Number(/(\d+) generated/.exec(output)?.[1]);
      assert.ok(cases >= Math.max(wanted, 100), `expected ${wanted} cases, got ${cases}:\n${output}`);
      t.diagnostic(`${cases} cases`);
    } finally {
      await server.stop();
      await rm(folder, { recursive: true });
    }
  });

/**
 * The document as it is, but for two things that a run cannot leave to chance: a model that is served, or every request
 * for vectors ends with 404; and no deadline of the client, or the right answer is 504.
 */
// biome-ignore lint/suspicious/noExplicitAny: a document as a client would read it
function narrowed(api: any): unknown {
  const { EmbeddingsRequest, EmbedRequest } = api.components.schemas;
  for (const request of [EmbeddingsRequest, EmbedRequest]) request.properties.model = { const: MODEL };
  const paths: Record<string, { parameters?: { name: string }[] }>[] = Object.values(api.paths);
  for (const operation of paths.flatMap((path) => Object.values(path)))
    operation.parameters = operation.parameters?.filter(({ name }) => name !== 'x-request-timeout-ms');
  return api;
}

/** In a folder of its own: it keeps notes of its runs. */
async function run(folder: string, url: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    join(dirname(python), 'schemathesis'),
    [
      'run',
      join(folder, 'openapi.json'),
      `--url=${url}`,
      `--header=Authorization:Bearer ${KEY}`,
      `--checks=${CHECKS.join(',')}`,
      '--phases=coverage,fuzzing',
      `--max-examples=${wanted > 0 ? 50 : 2}`,
      '--generation-deterministic',
      '--suppress-health-check=all',
      '--continue-on-failure',
      '--no-shrink',
      '--no-color',
      '--workers=1',
      ...(wanted > 0 ? [] : ALIKE.map((path) => `--exclude-path=${path}`)),
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_MS },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const [code] = await once(child, 'close');
  return { code, output };
}
