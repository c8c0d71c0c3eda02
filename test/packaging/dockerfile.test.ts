import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { VARIABLES } from '../../src/config/variables.ts';
import { emptyFolder } from '../model/folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const FILES = ['Dockerfile', 'Dockerfile.cuda'];

/** Its last two stages: what compiles, and the image. */
function stagesOf(file: string): { build: string; final: string } {
  const [build, final] = read(file)
    .split(/^FROM /m)
    .slice(-2) as [string, string];
  return { build, final };
}

/** What a stage takes from the project. */
const copied = (stage: string) =>
  [...stage.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) => names!.split(' '));

for (const file of FILES) {
  const { build, final } = stagesOf(file);

  test(`what ${file} copies exists, and .dockerignore sends that and no more`, () => {
    const names = [...new Set([...copied(build), ...copied(final)])].sort();
    assert.deepEqual(
      names.filter((name) => !existsSync(join(ROOT, name))),
      [],
    );
    const sent = [...read('.dockerignore').matchAll(/^!(.*)$/gm)].map(([, name]) => name!);
    assert.deepEqual(sent.sort(), names);
  });

  test(`the image of ${file} holds what the package holds at run time`, () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    // Those compile the addon, which the image brings.
    const toCompile = ['native', 'prebuilds', 'scripts', 'binding.gyp'];
    const inImage = [...final.matchAll(/^COPY (?:--from=build )?(.*) \S+$/gm)]
      .flatMap(([, names]) => names!.split(' '))
      .map((name) => name.replace(/^\/build\//, ''));
    for (const name of files.filter((each) => !each.startsWith('!') && !toCompile.includes(each)))
      assert.ok(inImage.includes(name), `${name} is not copied`);
    assert.ok(inImage.includes('build/Release/clip-server.node'), 'the addon is not copied');
  });

  test(`${file} installs without scripts of packages, runs as no root, and is checked by its own command`, () => {
    for (const [line] of build.matchAll(/npm (ci|prune).*/g)) assert.match(line, /--ignore-scripts/);
    assert.match(final, /^USER \$\{USER_ID\}:\$\{GROUP_ID\}$/m);
    assert.match(final, /^HEALTHCHECK .* CMD \["clip-server", "ready"\]$/m);
    assert.match(final, /^ENTRYPOINT \["clip-server"\]$/m);
    assert.match(final, /^VOLUME \/home\/cas\/\.cache$/m);
    for (const [, name] of final.matchAll(/(CLIP_SERVER_\w+)=/g))
      assert.ok(name! in VARIABLES, `the server does not read ${name}`);
  });
}

test('both images make the same user and run the same server', () => {
  const [cpu, cuda] = FILES.map(
    (file) => /^RUN test "\$\{USER_ID\}"[\s\S]*?[^\\]$/m.exec(stagesOf(file).final)?.[0],
  );
  assert.ok(cpu, 'a step makes the user');
  assert.equal(cuda, cpu);
});

test('of a TensorRT image only what builds and runs engines is taken, with its links', async (t) => {
  const [, step] = /^FROM \S+ AS tensorrt\n(?:#.*\n)*RUN ([\s\S]*?[^\\])$/m.exec(read('Dockerfile.cuda'))!;
  const root = await emptyFolder(t);
  const there = {
    'usr/lib/arch-linux-gnu': [
      'libnvinfer.so.10.10.0',
      'libnvinfer_plugin.so.10.10.0',
      'libnvinfer_lean.so.10.10.0',
      'libnvinfer_builder_resource.so.10.10.0',
      'libnvinfer_builder_resource_win.so.10.10.0',
      'libnvonnxparser.so.10.10.0',
    ],
    'usr/include/arch-linux-gnu': ['NvInfer.h', 'NvInferVersion.h', 'NvOnnxParser.h', 'stdio.h'],
  };
  for (const [folder, names] of Object.entries(there)) {
    mkdirSync(join(root, folder), { recursive: true });
    for (const name of names) writeFileSync(join(root, folder, name), name);
  }
  for (const name of ['libnvinfer.so.10', 'libnvonnxparser.so.10'])
    symlinkSync(`${name}.10.0`, join(root, 'usr/lib/arch-linux-gnu', name));
  const script = step!
    .replaceAll('$(uname -m)', 'arch')
    .replaceAll(/(?<=["\s])\/(usr|tensorrt)/g, `${root}/$1`);
  execFileSync('sh', ['-c', script]);
  assert.deepEqual(readdirSync(join(root, 'tensorrt/lib')).sort(), [
    'libnvinfer.so.10',
    'libnvinfer.so.10.10.0',
    'libnvinfer_builder_resource.so.10.10.0',
    'libnvonnxparser.so.10',
    'libnvonnxparser.so.10.10.0',
  ]);
  assert.deepEqual(readdirSync(join(root, 'tensorrt/include')).sort(), [
    'NvInfer.h',
    'NvInferVersion.h',
    'NvOnnxParser.h',
  ]);
});

test('a library that does not load with the image keeps Dockerfile.cuda from building', () => {
  const [, script] = /^RUN node -e "([\s\S]*?)"$/m.exec(stagesOf('Dockerfile.cuda').final)!;
  const probe = (error?: string) =>
    script!
      .replaceAll('\\\n', '')
      .replace(
        "require('./build/Release/clip-server.node')",
        `{ probeLibrary: () => (${JSON.stringify({ error })}) }`,
      );
  execFileSync(process.execPath, ['-e', probe()]);
  assert.throws(() => execFileSync(process.execPath, ['-e', probe('GLIBC_9')], { stdio: 'pipe' }), /GLIBC_9/);
});
