import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { readConfig } from '../../src/config/read.ts';
import { BUILT_IN_FOLDER, PACKAGE_FOLDER } from '../../src/config/source.ts';
import { testModel } from '../models/test-model.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const LAUNCH = join(ROOT, 'dist/cli/launch.cjs');
const PORTS = [51000, 51001, 51002];
/** An address of this machine's own on which nobody listens. */
const HOST = '127.0.0.77';

async function taken(): Promise<string | false> {
  if (platform() !== 'linux') return 'only Linux has every address of 127.0.0.0/8';
  for (const port of PORTS) {
    const server = createServer().listen(port, HOST);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) return `port ${port} is taken`;
    server.close();
    await once(server, 'close');
  }
  return false;
}

/** A folder in which the demo's model is a random one. */
async function folderWithModel(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-demo-'));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'models'));
  await symlink(await testModel('tiny'), join(folder, 'models/emoji-clip'));
  return folder;
}

test('npm start without an argument serves the demo, and prints where', {
  skip: await taken(),
  timeout: 120_000,
}, async (t) => {
  const env = { ...process.env, JINA_DEFAULT_HOST: HOST, JINA_LOG_LEVEL: 'warning' };
  const cwd = await folderWithModel(t);
  const child = spawn(process.execPath, [join(ROOT, 'scripts/start.cjs')], {
    env,
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let address: string | undefined;
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    address ??= /Playground: (\S+)/.exec(line)?.[1];
    if (line.includes('Flow:')) break;
  }
  assert.equal(address, `http://${HOST}:${PORTS[0]}`, lines.join('\n'));
  assert.match(lines.join('\n'), /Model: emoji-clip/);
  const page = await fetch(address!, { headers: { accept: 'text/html' } });
  assert.match(await page.text(), /<title>clip-server playground<\/title>/);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

test('with an argument npm start is the program as it always was', async () => {
  const { stdout } = await run(process.execPath, [join(ROOT, 'scripts/start.cjs'), '--version']);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('without a network and without a flow, one sentence says how to start the demo', async () => {
  const env = {
    ...process.env,
    CLIP_SERVER_OFFLINE: '1',
    CLIP_SERVER_CACHE: join(ROOT, '.cache/none'),
    JINA_DEFAULT_HOST: HOST,
  };
  const failed = await run(process.execPath, [LAUNCH], { env }).catch((error) => error);
  assert.equal(failed.code, 1);
  const last = failed.stderr.trim().split('\n').at(-1);
  assert.match(last, /clip-server demo \(in a clone: npm start\) serves .*\.$/);
  assert.match(failed.stderr, /ViT-B-32/);
});

test('the demo takes no argument', async () => {
  const failed = await run(process.execPath, [LAUNCH, 'demo', 'RN50']).catch((error) => error);
  assert.deepEqual([failed.code, failed.stderr], [2, 'clip-server: demo: expected no argument, got RN50\n']);
});

test('the flow of the demo is read from anywhere; a model of this name in the working directory comes first', async (t) => {
  const flow = { argument: join(BUILT_IN_FOLDER, 'demo-flow.yml') };
  const cwd = await folderWithModel(t);
  const local = await readConfig(flow, {}, { cwd });
  assert.deepEqual(local.warnings, []);
  assert.equal(local.executor.modelPath, join(cwd, 'models/emoji-clip'));
  assert.deepEqual(
    local.gateway.listeners.map(({ protocol, port }) => [protocol, port]),
    [
      ['http', 51000],
      ['grpc', 51001],
      ['websocket', 51002],
    ],
  );
  const inPackage = (path: string) => {
    const text = `jtype: Flow\nexecutors: [{uses: {jtype: CLIPEncoder, with: {model_path: ${path}}, py_modules: [clip_onnx]}}]`;
    return readConfig({ argument: text }, {}, { cwd }).then(({ executor }) => executor.modelPath);
  };
  assert.equal(await inPackage('data/gallery'), join(PACKAGE_FOLDER, 'data/gallery'));
  assert.equal(await inPackage('nowhere/at-all'), join(cwd, 'nowhere/at-all'));
});
