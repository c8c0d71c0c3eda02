import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder } from '../model/folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const skip = process.platform !== 'linux' && 'the modules are for Linux';
const LONG_AGO = new Date('2020-01-01');

/** The scripts, and a module of one small file in place of the real one. */
async function project(t: TestContext): Promise<string> {
  const root = await emptyFolder(t);
  cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const folder of ['shim', 'kernels'])
    mkdirSync(join(root, 'native/tensorrt', folder), { recursive: true });
  cpSync(join(ROOT, 'native/tensorrt/nvinfer.h'), join(root, 'native/tensorrt/nvinfer.h'));
  writeFileSync(join(root, 'native/tensorrt/sources.txt'), 'native/tensorrt/one.cc\n');
  writeFileSync(join(root, 'native/tensorrt/exports.map'), '{ global: kMinor; local: *; };\n');
  writeFileSync(
    join(root, 'native/tensorrt/one.cc'),
    '#include "nvinfer.h"\nextern "C" __attribute__((visibility("default"))) const int kMinor = NV_TENSORRT_MINOR;\n',
  );
  // A CMake that does not run: one call of the compiler is the quicker way for one file.
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/cmake'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return root;
}

/** Headers with nothing in them but their version, by way of another macro as NVIDIA writes it. */
function headers(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const parts = ['MAJOR', 'MINOR', 'PATCH', 'BUILD'].map((part, at) => [part, version.split('.')[at]]);
  const lines = parts.flatMap(([part, number]) => [
    `#define TRT_${part}_ENTERPRISE ${number}`,
    `#define NV_TENSORRT_${part} TRT_${part}_ENTERPRISE //!< of TensorRT`,
  ]);
  writeFileSync(join(folder, 'NvInferVersion.h'), `${lines.join('\n')}\n`);
  writeFileSync(join(folder, 'NvInfer.h'), '#include "NvInferVersion.h"\n');
  writeFileSync(join(folder, 'NvOnnxParser.h'), '#include "NvInfer.h"\n');
  for (const name of ['NvInferVersion.h', 'NvInfer.h', 'NvOnnxParser.h'])
    utimesSync(join(folder, name), LONG_AGO, LONG_AGO);
  return folder;
}

function build(root: string, target: string, include: string[] = []) {
  const PATH = `${join(root, 'bin')}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH, CLIP_TENSORRT_INCLUDE: include.join(delimiter) };
  const script = join(root, 'scripts/build-native.mjs');
  return spawnSync(process.execPath, [script, target], { env, encoding: 'utf8' });
}

/** When the module was built, and of which minor its headers were. */
function built(root: string, major: number) {
  const file = join(root, `build/Release/tensorrt${major}.node`);
  const [row] = execFileSync('readelf', ['-W', '--dyn-syms', file], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('kMinor'));
  assert.ok(row, 'the module has the symbol of its version script');
  const section = execFileSync('readelf', ['-W', '-x', '.rodata', file], { encoding: 'utf8' });
  const word = /0x\w+ (\w{8})/.exec(section)?.[1] ?? '';
  return { minor: Buffer.from(word, 'hex').readInt32LE(0), at: statSync(file).mtimeMs };
}

test('each major is compiled with the headers that say they are of it', { skip }, async (t) => {
  const root = await project(t);
  const include = [headers(join(root, 'ten'), '10.9.1.2'), headers(join(root, 'eleven'), '11.2.0.5')];
  for (const [major, minor] of [
    [10, 9],
    [11, 2],
  ] as const) {
    assert.equal(build(root, `tensorrt${major}`, include).stderr, '');
    assert.equal(built(root, major).minor, minor);
  }
});

test('a module is built anew for a changed source or other headers, whatever their times say', {
  skip,
}, async (t) => {
  const root = await project(t);
  const include = [headers(join(root, 'ten'), '10.9.1.2')];
  build(root, 'tensorrt10', include);
  const first = built(root, 10);
  build(root, 'tensorrt10', include);
  assert.equal(built(root, 10).at, first.at, 'nothing changed, and it was built');
  const soon = new Date(Date.now() + 1000);
  utimesSync(join(root, 'native/tensorrt/one.cc'), soon, soon);
  build(root, 'tensorrt10', include);
  assert.notEqual(built(root, 10).at, first.at, 'a source is newer, and it was not built');
  utimesSync(join(root, 'native/tensorrt/one.cc'), LONG_AGO, LONG_AGO);
  headers(include[0]!, '10.12.0.1');
  build(root, 'tensorrt10', include);
  assert.equal(built(root, 10).minor, 12);
});

test('headers whose interface the modules do not know are passed over, fetched ones are taken', {
  skip,
}, async (t) => {
  const root = await project(t);
  headers(join(root, 'native/headers/tensorrt10'), '10.16.0.72');
  const include = ['10.8.0.43', '10.2.0.1', '8.6.1.6', '12.0.0.1'].map((version) =>
    headers(join(root, version), version),
  );
  assert.equal(build(root, 'tensorrt10', include).stderr, '');
  assert.equal(built(root, 10).minor, 16);
});

test('without headers there is no module, and no old one is left', {
  skip: skip || (existsSync('/usr/include/x86_64-linux-gnu/NvInfer.h') && 'this system has headers'),
}, async (t) => {
  const root = await project(t);
  build(root, 'tensorrt10', [headers(join(root, 'ten'), '10.9.1.2')]);
  assert.equal(built(root, 10).minor, 9);
  const { status, stderr } = build(root, 'tensorrt10');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^clip-server: no headers for tensorrt10; npm run headers fetches them, CLIP_TENSORRT_INCLUDE /,
  );
  assert.equal(existsSync(join(root, 'build/Release/tensorrt10.node')), false);
});

test('a macro that changes the slots of the interface does not compile', { skip }, async (t) => {
  const root = await project(t);
  const source = join(root, 'native/tensorrt/one.cc');
  writeFileSync(source, `#define ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION\n${readFileSync(source, 'utf8')}`);
  const { status, stderr } = build(root, 'tensorrt10', [headers(join(root, 'ten'), '10.9.1.2')]);
  assert.equal(status, 1);
  assert.match(stderr, /#error "ENABLE_FEATURE_DISABLE_RUNTIME_ALLOCATION/);
});
