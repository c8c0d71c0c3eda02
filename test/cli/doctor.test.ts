import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { doctor } from '../../src/cli/doctor.ts';
import { emptyFolder } from '../model/folder.ts';
import { noFakes } from '../server/gpu-server.ts';
import { FAKE_PARSER, fakeDriver, fakeInfer, fakeLibrary } from './fake-gpu.ts';

const skip = await noFakes();
const LAUNCH = resolve(import.meta.dirname, '../../dist/cli/launch.cjs');
const SONAMES = [11, 10].flatMap((major) => [`libnvinfer.so.${major}`, `libnvonnxparser.so.${major}`]);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command; it sees what lies in `folder` before what the host has. */
function run(args: string[], folder?: string, variables: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { ...process.env, ...(folder && { LD_LIBRARY_PATH: folder }), ...variables };
  return new Promise((done) => {
    const child = execFile(process.execPath, [LAUNCH, ...args], { env }, (_, out, err) =>
      done({ code: child.exitCode!, out, err }),
    );
  });
}

/** A folder that hides the GPU libraries of this host, if it has any, behind files that are none. */
async function junkFolder(t: TestContext): Promise<string> {
  const folder = await emptyFolder(t);
  for (const name of ['libcuda.so.1', ...SONAMES]) writeFileSync(join(folder, name), 'this is no library\n');
  return folder;
}

/** A folder of fakes that have all that TensorRT 10.15.1 would need. */
async function wholeFolder(t: TestContext): Promise<string> {
  const folder = await junkFolder(t);
  fakeLibrary(folder, 'libcuda.so.1', fakeDriver([61, 90]));
  fakeLibrary(folder, 'libnvinfer.so.10', fakeInfer(101_501));
  fakeLibrary(folder, 'libnvonnxparser.so.10', FAKE_PARSER);
  fakeLibrary(folder, 'libnvinfer_builder_resource_ptx.so.10.15.1', 'int fake_resource;');
  return folder;
}

async function report(folder?: string, variables?: NodeJS.ProcessEnv) {
  const { code, out, err } = await run(['doctor', '--json'], folder, variables);
  assert.equal(err, '');
  const facts = JSON.parse(out);
  assert.equal(code, facts.verdict.tensorrt ? 0 : 1);
  return facts;
}

test('this host, whatever it has: all parts are there, and the exit code goes by the verdict', async () => {
  const facts = await report();
  assert.equal(facts.node, process.version);
  assert.equal(facts.platform, `${process.platform}-${process.arch}`);
  assert.ok(facts.processor.model && facts.processor.threads >= 1 && facts.processor.kernels.length >= 1);
  assert.ok(facts.driver.library.path || facts.driver.library.error);
  for (const kind of ['infer', 'parser'])
    for (const { asked, path, error } of facts.tensorrt[kind]) assert.ok(asked && (path || error), kind);
  assert.match(facts.onnxRuntime.version, /^\d+\.\d+\.\d+$/);
  assert.equal(facts.onnxRuntime.cpu.works, true);
  assert.equal(facts.onnxRuntime.cuda.works, facts.onnxRuntime.cuda.error === undefined);
  assert.match(
    facts.verdict.serving,
    /^(TensorRT for clip_tensorrt flows.*)?ONNX Runtime, on (CUDA or )?the CPU$/,
  );
});

test('files that are no libraries: the loader says so, and the page says what to install', async (t) => {
  const folder = await junkFolder(t);
  const facts = await report(folder);
  const words = /(\/libnvinfer\.so\.1[01]): (invalid ELF header|file too short|.*not a)/;
  for (const { error } of facts.tensorrt.infer.slice(0, 2)) assert.match(error, words);
  assert.equal(facts.verdict.tensorrt, false);
  const { code, out } = await run(['doctor'], folder);
  assert.equal(code, 1);
  assert.match(out, /^ {2}driver +none: .*libcuda\.so\.1: /m);
  assert.match(out, /^ {2}can build +no: no driver \(.+\); libnvinfer\.so\.11 does not load \(.+\)$/m);
  assert.match(out, /^ {2}to install +NVIDIA's driver.*; TensorRT 10\.3 and later but 10\.8, and 11: /m);
  assert.ok(out.includes(`LD_LIBRARY_PATH: ${folder}`));
});

test('a fake driver, a fake TensorRT: all is found, and that it serves', { skip }, async (t) => {
  const folder = await wholeFolder(t);
  const facts = await report(folder);
  assert.deepEqual(facts.driver, {
    library: { path: join(folder, 'libcuda.so.1'), version: 12_040 },
    gpus: [
      { name: 'Fake GPU', computeCapability: '6.1', memoryBytes: 80e9 },
      { name: 'Fake GPU', computeCapability: '9.0', memoryBytes: 80e9 },
    ],
  });
  const path = join(folder, 'libnvinfer.so.10');
  assert.deepEqual(facts.tensorrt.infer[1], { asked: 'libnvinfer.so.10', path, version: 101_501 });
  assert.deepEqual(facts.tensorrt.builderResources, ['libnvinfer_builder_resource_ptx.so.10.15.1']);
  assert.equal(facts.verdict.tensorrt, true);
  assert.equal(facts.verdict.install, 'nothing');
  const { code, out } = await run(['doctor'], folder);
  assert.equal(code, 0);
  assert.match(out, /libcuda\.so\.1, CUDA 12\.4$/m);
  assert.match(out, /version 10\.15\.1, served$/m);
  assert.match(
    out,
    /^ {2}serving +TensorRT for clip_tensorrt flows; for all others ONNX Runtime, on the CPU$/m,
  );
});

test('a fake TensorRT of another version is not served', async (t) => {
  const folder = await wholeFolder(t);
  fakeLibrary(folder, 'libnvinfer.so.10', fakeInfer(100_800));
  const { tensorrt, verdict } = await report(folder);
  assert.equal(tensorrt.infer[1].version, 100_800);
  assert.equal(verdict.run, 'no: TensorRT 10.8.0 is not served');
  assert.equal(verdict.tensorrt, false);
});

test('what a fake TensorRT lacks is told apart: it can run and not build', { skip }, async (t) => {
  const folder = await wholeFolder(t);
  writeFileSync(join(folder, 'libnvonnxparser.so.10'), 'torn');
  const { verdict } = await report(folder);
  assert.match(verdict.run, /^yes/);
  assert.match(verdict.build, /^no: no parser \(.*libnvonnxparser\.so\.10: /);
  assert.match(verdict.serving, /^TensorRT for clip_tensorrt flows whose engines were built elsewhere; /);
  assert.equal(verdict.tensorrt, false);
});

test('a fake driver without a GPU, or with an old one', async (t) => {
  const folder = await wholeFolder(t);
  fakeLibrary(folder, 'libcuda.so.1', fakeDriver([]));
  const none = await report(folder);
  assert.equal(none.driver.error, 'cuInit: error 100, CUDA_ERROR_NO_DEVICE, no fake device');
  assert.match(none.verdict.install, /CUDA_VISIBLE_DEVICES/);
  fakeLibrary(folder, 'libcuda.so.1', fakeDriver([70]));
  assert.equal((await report(folder)).verdict.run, 'no: no GPU of compute capability 7.5 or more');
});

test('fake libraries that end their process: the report says which, and the others are asked', async (t) => {
  const folder = await wholeFolder(t);
  const fall = '__attribute__((constructor)) static void fall(void) { __builtin_trap(); }';
  fakeLibrary(folder, 'libcuda.so.1', fall);
  fakeLibrary(folder, 'libnvinfer.so.11', fall);
  const { driver, tensorrt, verdict } = await report(folder);
  assert.match(driver.failure, /^its process ended with SIG(ILL|TRAP)/);
  assert.equal(tensorrt.infer[0].asked, 'libnvinfer.so.11');
  assert.match(tensorrt.infer[0].failure, /^its process ended with SIG(ILL|TRAP)/);
  assert.equal(tensorrt.infer[1].version, 101_501);
  assert.match(verdict.run, /^no: the driver does not answer: its process ended with SIG/);
});

test('a fake driver that hangs has a bound', async (t) => {
  const folder = await junkFolder(t);
  fakeLibrary(
    folder,
    'libcuda.so.1',
    '#include <unistd.h>\nint cuInit(unsigned flags) { for (;;) pause(); }',
  );
  const print = t.mock.method(console, 'log', () => {});
  const environment = { ...process.env, LD_LIBRARY_PATH: folder };
  assert.equal(await doctor(['--json'], { limitMs: 1500, environment }), 1);
  const { driver } = JSON.parse(String(print.mock.calls[0]!.arguments[0]));
  assert.deepEqual(driver, { failure: 'it took longer than 1.5 s' });
});

test('a signal ends what hangs, too', async (t) => {
  const folder = await junkFolder(t);
  const mark = join(folder, 'pid');
  fakeLibrary(
    folder,
    'libcuda.so.1',
    `#include <stdio.h>
    #include <unistd.h>
    int cuInit(unsigned flags) {
      FILE* file = fopen("${mark}.part", "w");
      fprintf(file, "%d", (int)getpid());
      fclose(file);
      rename("${mark}.part", "${mark}");
      for (;;) pause();
    }`,
  );
  const env = { ...process.env, LD_LIBRARY_PATH: folder };
  const child = execFile(process.execPath, [LAUNCH, 'doctor'], { env });
  const [ended, err] = [once(child, 'exit'), text(child.stderr!)];
  while (!existsSync(mark)) await setTimeout(5);
  child.kill('SIGINT');
  assert.deepEqual(await ended, [1, null]);
  assert.equal(await err, 'clip-server: stopped\n');
  assert.throws(() => process.kill(Number(readFileSync(mark, 'utf8')), 0), { code: 'ESRCH' });
});

test('a fake TensorRT where the loader does not look is found, and serves from there', {
  skip,
}, async (t) => {
  const folder = await wholeFolder(t);
  writeFileSync(join(folder, 'libnvinfer.so.10'), 'torn');
  const packages = join(folder, 'lib/python3.11/site-packages/tensorrt_libs');
  mkdirSync(packages, { recursive: true });
  fakeLibrary(packages, 'libnvinfer.so.10', fakeInfer(101_501));
  const { tensorrt, verdict } = await report(folder, { VIRTUAL_ENV: folder });
  const path = join(packages, 'libnvinfer.so.10');
  assert.ok(tensorrt.folders.includes(packages));
  assert.deepEqual(tensorrt.infer.at(-1), { asked: path, path, version: 101_501 });
  assert.match(verdict.run, /^yes/);
  assert.match(verdict.build, /^no: no libnvinfer_builder_resource beside .*tensorrt_libs/);
});

test('2 for a command line that is wrong', async () => {
  for (const args of [['--yaml'], ['everything']]) {
    const { code, err } = await run(['doctor', ...args]);
    assert.equal(code, 2);
    assert.match(err, /doctor --help/);
  }
});

test('a TensorRT flow that wants no fallback is refused with 2, and the reason', async (t) => {
  const flow = join(await emptyFolder(t), 'flow.yml');
  writeFileSync(
    flow,
    `jtype: Flow
executors:
  - uses:
      jtype: CLIPEncoder
      with: { fallback: false }
      metas: { py_modules: [clip_server.executors.clip_tensorrt] }
`,
  );
  const { code, out, err } = await run([flow], await junkFolder(t));
  assert.deepEqual([code, out], [2, '']);
  assert.match(
    err,
    /^clip-server: .*flow\.yml: fallback: false .*cannot serve here: no driver \(.*\); .*\n$/,
  );
});
