import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { testModel } from '../models/test-model.ts';

const LAUNCH = new URL('../../dist/cli/launch.cjs', import.meta.url).pathname;

function start(args: string[], stdin = '', env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [LAUNCH, ...args], { env: { ...process.env, ...env } });
  child.stdin!.end(stdin);
  return child;
}

async function finish(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit'),
  ]);
  return { code, out, err };
}

/** Resolves to standard output up to the line that holds `mark`. */
async function outputUntil(child: ChildProcess, mark: string): Promise<string> {
  let seen = '';
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    seen += chunk;
    if (seen.includes(mark) && seen.endsWith('\n')) return seen;
  }
  throw new Error(`ended before "${mark}": ${seen}`);
}

async function flow(options = ''): Promise<string> {
  return `# a comment first
version: '1'
jtype: Flow
with:
  port: 0
  host: 127.0.0.1
  protocol: http
${options}
executors:
  - name: clip_t
    uses:
      jtype: CLIPEncoder
      with:
        model_path: ${await testModel('tiny')}
        device: cpu
      metas:
        py_modules:
          - executors/clip_torch.py
`;
}

test('--version and --help answer and end with 0', async () => {
  const version = await finish(start(['--version']));
  assert.equal(version.code, 0);
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
  const help = await finish(start(['--help']));
  assert.equal(help.code, 0);
  assert.match(help.out, /clip-server -i/);
});

test('a flow on standard input is served until SIGTERM, which ends the process with 0', async () => {
  const child = start(['-i'], await flow());
  const errors = text(child.stderr!);
  const out = await outputUntil(child, 'Flow:');
  assert.match(out, /Flow is ready to serve!/);
  assert.match(out, /Protocol: HTTP/);
  assert.match(out, /Engine: ONNX Runtime/);
  assert.match(out, /Device: cpu/);
  const port = /Local: 127\.0\.0\.1:(\d+)/.exec(out)![1];
  const answer = await fetch(`http://127.0.0.1:${port}/post`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"data":[{"text":"a red apple"}],"execEndpoint":"/"}',
  });
  const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
  assert.ok(data[0]!.embedding.every(Number.isFinite));
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  const notices = (await errors).split('\n').filter((line) => /torch/.test(line));
  assert.equal(notices.length, 1, 'one line says that ONNX Runtime serves the torch flow');
});

test('faults of the configuration end with 2 and name file, line and key', async () => {
  const wrong = await finish(start(['-i'], await flow('  prefetch: many')));
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /stdin:8.*prefetch.*expected.*many/);
  const missing = await finish(start(['nope.yml']));
  assert.equal(missing.code, 2);
  assert.match(missing.err, /nope\.yml/);
  assert.equal(missing.err.trim().split('\n').length, 1);
  const unknown = await finish(start(['--model', 'RN50']));
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /--model/);
});

test('a port that is taken ends with 1 and names it', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const { code, err } = await finish(start(['-i'], (await flow()).replace('port: 0', `port: ${port}`)));
  taken.close();
  assert.equal(code, 1);
  assert.match(err, new RegExp(`${port}`));
});

test('SIGTERM while engines are being loaded ends the process with 0', async () => {
  const model = await testModel('ViT-B-32');
  const child = start(['-i'], (await flow()).replace(/model_path: .*/, `model_path: ${model}`));
  for await (const chunk of child.stderr!.setEncoding('utf8')) if (chunk.includes('loading')) break;
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual([code, signal], [0, null]);
});
