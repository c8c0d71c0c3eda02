import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { readConfig } from '../../src/config/read.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';

// What the documents say is tried: flows are read, commands are run, links lead somewhere.
const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block!);
}

for (const name of documents) {
  const text = readFileSync(join(ROOT, name), 'utf8');

  test(`the flows in ${name} are read without a warning`, async () => {
    for (const flow of blocks(text, 'yaml').filter((block) => block.includes('jtype: Flow'))) {
      const { warnings } = await readConfig({ argument: flow }, {});
      assert.deepEqual(warnings, []);
    }
  });

  test(`the links in ${name} lead to files of the project`, () => {
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
      assert.ok(existsSync(join(ROOT, dirname(name), target!)), target);
  });
}

test('the request of the README is answered with a vector per document', async () => {
  const [command] = blocks(readme, 'sh').filter((block) => block.includes('curl'));
  const server = await serveModel(await testModel('tiny'));
  try {
    const { stdout } = await run('bash', [
      '-c',
      command!.replace('localhost:51001', new URL(server.url).host),
    ]);
    const { data } = JSON.parse(stdout) as { data: { embedding: number[] }[] };
    assert.equal(data.length, 2);
    for (const { embedding } of data) assert.ok(embedding.length > 0 && embedding.every(Number.isFinite));
  } finally {
    await server.close();
  }
});

test('the first client command of the README writes a vector', async () => {
  const [command] = blocks(readme, 'sh').filter((block) => block.includes('clip-server encode'));
  const server = await serveModel(await testModel('tiny'), { gateway: { protocol: 'grpc' } });
  const folder = await mkdtemp(join(tmpdir(), 'clip-readme-'));
  try {
    const { host, port } = server.server.endpoints[0]!.address;
    const launch = `${process.execPath} ${join(ROOT, 'dist/cli/launch.cjs')}`;
    const typed = command!.replace('npx clip-server', launch).replace('localhost:51000', `${host}:${port}`);
    await run('bash', ['-c', typed], { cwd: folder });
    const { text, vector } = JSON.parse(readFileSync(join(folder, 'vectors.jsonl'), 'utf8'));
    assert.equal(text, 'a red apple');
    assert.ok(vector.length > 0 && vector.every(Number.isFinite));
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});

test('the commands of the README exist', async () => {
  const launch = join(ROOT, 'dist/cli/launch.cjs');
  const commands = [...readme.matchAll(/^clip-server (models|pull \S+|doctor)/gm)].map(
    ([, command]) => command!,
  );
  assert.deepEqual(commands, ['models', 'pull ViT-L/14', 'doctor']);
  const env = { ...process.env, CLIP_SERVER_OFFLINE: '1', CLIP_SERVER_CACHE: join(ROOT, '.cache/none') };
  const { stdout } = await run(process.execPath, [launch, 'models'], { env });
  assert.match(stdout, /ViT-L-14::openai/);
  // Offline, a model that is not in the cache is a fault of the machine (1), not of the command (2).
  await assert.rejects(run(process.execPath, [launch, 'pull', 'ViT-L/14'], { env }), { code: 1 });
});

test('the page that docs/models.md shows of a file has the lines that the command prints', async () => {
  const models = readFileSync(join(ROOT, 'docs/models.md'), 'utf8');
  const [command] = blocks(models, 'sh').filter((block) => block.includes('clip-server inspect'));
  const [page] = blocks(models, 'text');
  const folder = await testModel('tiny');
  const launch = `${process.execPath} ${join(ROOT, 'dist/cli/launch.cjs')}`;
  const typed = command!.replace('clip-server', launch).replace('my-clip', folder);
  const { stdout } = await run('bash', ['-c', typed]);
  const names = (text: string) => [...text.matchAll(/^ {2}(\S.*?) {2}/gm)].map(([, name]) => name);
  assert.deepEqual(names(stdout), names(page!));
});

test('the page that docs/gpu.md shows of a host has the lines that the command prints', async () => {
  const gpu = readFileSync(join(ROOT, 'docs/gpu.md'), 'utf8');
  const [command] = blocks(gpu, 'sh');
  const [page] = blocks(gpu, 'text');
  const launch = `${process.execPath} ${join(ROOT, 'dist/cli/launch.cjs')}`;
  // 1 where TensorRT lacks something, which is as good here; GPUs have a line only where there is a driver.
  const { stdout } = await run('bash', [
    '-c',
    `${command!.trim().replace('clip-server', launch)} || [ $? = 1 ]`,
  ]);
  const names = (text: string) =>
    [...text.matchAll(/^ {2}(\S.*?) {2}/gm)].map(([, name]) => name).filter((name) => name !== 'GPUs');
  assert.deepEqual(names(stdout), names(page!));
});

test('the scripts that the documents name are in package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const name of documents)
    for (const [, script] of readFileSync(join(ROOT, name), 'utf8').matchAll(/npm run ([\w:]+)/g))
      assert.ok(scripts[script!], `${name}: npm run ${script}`);
});
