import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import type { Attempt } from '../../src/host/libraries.ts';
import type { HostFacts } from '../../src/host/report.ts';
import { judge, tensorRtOf, withLibraries } from '../../src/host/verdict.ts';
import type { DriverProbe } from '../../src/native/addon.ts';

const GPU = { name: 'a GPU', computeCapability: '8.9', memoryBytes: 48e9 };
const DRIVER: DriverProbe = { library: { path: '/lib/libcuda.so.1', version: 12_040 }, gpus: [GPU] };
/** How glibc 2.41 says it. */
const NO_STACK = 'cannot enable executable stack as shared object requires: Invalid argument';

const absent = (name: string): Attempt => ({
  asked: name,
  error: `${name}: cannot open shared object file: No such file or directory`,
});
const infer = (version: number): Attempt => {
  const asked = `libnvinfer.so.${Math.trunc(version / 10_000)}`;
  return { asked, path: `/lib/${asked}`, version };
};
const parser = (major: number): Attempt => {
  const asked = `libnvonnxparser.so.${major}`;
  return { asked, path: `/lib/${asked}` };
};
const TENSORRT: HostFacts['tensorrt'] = {
  infer: [absent('libnvinfer.so.11'), infer(101_501)],
  parser: [absent('libnvonnxparser.so.11'), parser(10)],
  builderResources: ['libnvinfer_builder_resource_ptx.so.10.15.1'],
  libraryPath: [],
  folders: [],
};

/** Of a host that has all; changed as a test says. */
function hostWith(tensorrt: Partial<HostFacts['tensorrt']>, more: Partial<HostFacts> = {}): HostFacts {
  return {
    node: 'v20.0.0',
    platform: 'linux-x64',
    glibc: '2.36',
    processor: { model: '', threads: 1, kernels: [] },
    onnxRuntime: { version: '1', cpu: { works: true }, cuda: { works: false, error: '' } },
    driver: DRIVER,
    tensorrt: { ...TENSORRT, ...tensorrt },
    ...more,
  };
}

test('a host that has all lacks nothing', () => {
  const { tensorrt, install } = judge(hostWith({}));
  assert.deepEqual([tensorrt, install], [true, 'nothing']);
});

test('a driver before CUDA 12 is told with the version that is needed, whatever it says of GPUs', () => {
  const old = (version: number, gpus = [GPU]) =>
    hostWith({}, { driver: { library: { ...DRIVER.library, version }, gpus } });
  for (const gpus of [[GPU], []]) {
    const { run, build, install } = judge(old(11_080, gpus));
    assert.equal(run, 'no: the driver is of CUDA 11.8, and 12.0 or newer is needed');
    assert.equal(build, run);
    assert.equal(install, "NVIDIA's driver 525 or newer");
  }
  assert.equal(judge(old(12_000)).tensorrt, true, 'the oldest that does');
});

test('a library that wants an executable stack is told what helps, libnvinfer and builder alike', () => {
  const error = `libnvinfer.so.10: ${NO_STACK}`;
  const runner = judge(
    hostWith({ infer: [absent('libnvinfer.so.11'), { asked: 'libnvinfer.so.10', error }] }),
  );
  assert.equal(runner.run, `no: libnvinfer.so.10 does not load (${error})`);
  const builder = judge(hostWith({ builderResources: [], builderFault: `/lib/resource.so: ${NO_STACK}` }));
  assert.match(builder.run, /^yes/);
  assert.match(builder.build, /^no: libnvinfer_builder_resource does not load \(\/lib\/resource\.so: cannot/);
  for (const { install } of [runner, builder])
    assert.match(install, /no executable stack, .*glibc 2\.41.* patchelf --clear-execstack FILE$/);
  const torn = judge(hostWith({ builderResources: [], builderFault: '/lib/resource.so: file too short' }));
  assert.match(torn.install, /^the builder resources of TensorRT 10\.15\.1, in the folder of libnvinfer$/);
});

test('another C library than glibc is told before what it fails to load', () => {
  const { glibc: _, ...facts } = hostWith({ infer: [absent('libnvinfer.so.10')] });
  const { run, install } = judge(facts);
  assert.equal(run, "no: the C library is not glibc, which NVIDIA's libraries need; no libnvinfer");
  assert.match(install, /^a Linux with glibc, such as Debian or Ubuntu; Alpine has musl; TensorRT 10\.3/);
});

test('without TensorRT the versions that are served are named', () => {
  const { run, install } = judge(hostWith({ infer: [absent('libnvinfer.so.11')] }));
  assert.equal(run, 'no: no libnvinfer');
  assert.match(install, /^TensorRT 10\.3 and later but 10\.8, and 11: libnvinfer and libnvonnxparser/);
});

test('of two majors the newest that is served is opened, by the module and with the parser of its own', () => {
  const majorOf = (versions: readonly number[]) => {
    const found = tensorRtOf(hostWith({ infer: versions.map(infer), parser: [parser(11), parser(10)] }));
    return 'lacking' in found ? found.lacking : [found.major, found.infer, found.parser];
  };
  assert.deepEqual(majorOf([110_400, 101_501]), [11, '/lib/libnvinfer.so.11', '/lib/libnvonnxparser.so.11']);
  assert.deepEqual(majorOf([120_000, 101_501]), [10, '/lib/libnvinfer.so.10', '/lib/libnvonnxparser.so.10']);
  assert.equal(majorOf([120_000, 8601]), 'TensorRT 12.0.0 and 8.6.1 is not served');
});

test('a process that opens TensorRT looks into its folder first: the builder finds its resources in no other way', () => {
  const environment = (path?: string) =>
    withLibraries({ LD_LIBRARY_PATH: path, HOME: '/' }, { folder: '/opt/trt' });
  assert.deepEqual(environment('/a:/b'), { LD_LIBRARY_PATH: '/opt/trt:/a:/b', HOME: '/' });
  assert.equal(environment().LD_LIBRARY_PATH, '/opt/trt');
});

test('the words that docs/gpu.md explains are those that are said', () => {
  const document = readFileSync(resolve(import.meta.dirname, '../../docs/gpu.md'), 'utf8');
  const [, rows] = /^\| Words \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(document)!;
  const { glibc: _, ...alpine } = hostWith({});
  const said = [
    hostWith({}, { driver: { ...DRIVER, library: { version: 11_080 } } }),
    hostWith({ builderResources: [], builderFault: NO_STACK }),
    alpine,
    hostWith({}, { driver: { ...DRIVER, gpus: [] } }),
    hostWith({ infer: [infer(100_800)] }),
  ].map((facts) => judge(facts).build);
  const words = [...rows!.matchAll(/^\| `(.+?)`/gm)].map(([, phrase]) => phrase!);
  assert.equal(words.length, said.length);
  for (const [at, phrase] of words.entries())
    assert.ok(said[at]!.includes(phrase), `${said[at]} has ${phrase}`);
});
