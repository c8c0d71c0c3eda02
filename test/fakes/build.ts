import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { lock } from 'proper-lockfile';
import { stubs } from './stubs.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'build/fakes');
const RETRY_MS = 200;
const RETRIES = 3000;
const SYSTEM = ['/usr/include/x86_64-linux-gnu', '/usr/include'];
/** Compiled into the fake driver as twins of the kernels. */
const KERNEL_SOURCES = ['pixel.h', 'tensorrt/half.h', 'tensorrt/kernels.cu'];
/** Whose functions the fakes have to have; those that are not replaced end the process with their names. */
const INFER = [
  'HostMemory',
  'Runtime',
  'OptimizationProfile',
  'CudaEngine',
  'ExecutionContext',
  'EngineInspector',
]
  .concat(['Tensor', 'NetworkDefinition', 'TimingCache', 'BuilderConfig', 'Builder'])
  .map((name) => `V${name}`);
const PARSER = ['IParserError', 'IParser'];
/** Everything else stays inside its library, for the three are made of equally named parts. */
const EXPORTS = '{ global: cu*; fake_*; create*; get*; setInternal*; local: *; };\n';
const FLAGS =
  '-std=c++20 -O1 -Wall -Wextra -Wno-unused-parameter -Wno-deprecated-declarations -fPIC -pthread -ffp-contract=off';

const run = promisify(execFile);

export type Major = 10 | 11;
export type Sanitizer = 'address,undefined' | 'thread';

/** The folder with a major's NvInfer.h, or undefined where there is none: the fakes cannot be built then. */
export async function headersOf(major: Major): Promise<string | undefined> {
  const own = join(ROOT, `native/headers/tensorrt${major}`);
  for (const folder of [own, process.env.CLIP_TENSORRT_INCLUDE ?? '', ...SYSTEM]) {
    const version = await readFile(join(folder, 'NvInferVersion.h'), 'utf8').catch(() => '');
    if (new RegExp(`MAJOR(?:_ENTERPRISE)? ${major}\\b`).test(version)) return folder;
  }
  return undefined;
}

/**
 * A folder with fakes of libnvinfer.so.MAJOR, libnvonnxparser.so.MAJOR and libcuda.so.1, compiled once for all processes and
 * kept until a source or a header changes. With a sanitizer they are for programs that have it too.
 */
export async function buildFakes(major: Major, sanitizer?: Sanitizer): Promise<string> {
  const headers = await headersOf(major);
  if (headers === undefined)
    throw new Error(`expected TensorRT ${major}'s headers (npm run headers), found none`);
  const flags = [...FLAGS.split(' '), ...(sanitizer ? ['-g', `-fsanitize=${sanitizer}`] : [])];
  const folder = join(BUILT, `${major}-${await fingerprint(headers, flags)}`);
  return once(folder, (unfinished) => compile(unfinished, major, headers, flags));
}

/** `make` fills a folder, which gets its name when it is whole; processes that ask at once share one making. */
export async function once(folder: string, make: (unfinished: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  await mkdir(BUILT, { recursive: true });
  const release = await lock(folder, {
    realpath: false,
    stale: 60_000,
    retries: { retries: RETRIES, factor: 1, minTimeout: RETRY_MS, maxTimeout: RETRY_MS },
  });
  try {
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await make(unfinished);
    await rename(unfinished, folder);
  } finally {
    await release();
  }
  return folder;
}

async function compile(
  folder: string,
  major: Major,
  headers: string,
  flags: readonly string[],
): Promise<void> {
  const [infer, parser] = await Promise.all(
    ['NvInferImpl.h', 'NvOnnxParser.h'].map((name) => readFile(join(headers, name), 'utf8')),
  );
  await writeFile(join(folder, 'stubs.h'), stubs(infer!, INFER, 'nvinfer1::apiv'));
  await writeFile(join(folder, 'parser-stubs.h'), stubs(parser!, PARSER, 'nvonnxparser'));
  await writeFile(join(folder, 'exports.map'), EXPORTS);
  const includes = ['-isystem', headers, '-I', join(ROOT, 'native/tensorrt/shim'), '-I', folder];
  const library = (name: string, sources: string, more: readonly string[] = []) =>
    link(folder, name, sources, [...flags, ...includes, ...more]);
  await Promise.all([library('libcuda.so.1', 'cuda'), library(`libnvinfer.so.${major}`, 'infer', ['-ldl'])]);
  await library(`libnvonnxparser.so.${major}`, 'parser', ['-L', folder, `-l:libnvinfer.so.${major}`]);
}

/**
 * A library of a folder's sources, as one unit: half the time. The libraries stay loaded for good, for threads of theirs may
 * run when a program lets go of them.
 */
async function link(folder: string, name: string, sources: string, flags: readonly string[]): Promise<void> {
  const files = (await readdir(part(sources))).filter((file) => file.endsWith('.cc')).sort();
  const unit = join(folder, `${sources}.cc`);
  await writeFile(unit, files.map((file) => `#include "${join(part(sources), file)}"\n`).join(''));
  const shared = [
    '-shared',
    `-Wl,-soname,${name},-z,nodelete,--version-script,${join(folder, 'exports.map')}`,
  ];
  await run(process.env.CXX ?? 'c++', [unit, ...shared, '-o', join(folder, name), ...flags]);
}

async function fingerprint(headers: string, flags: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(flags.join(' ')).update(EXPORTS);
  for (const folder of [headers, import.meta.dirname, ...['cuda', 'infer', 'parser'].map(part)])
    for (const name of (await readdir(folder))
      .filter((file) => /\.(h|cc)$|^(stubs|build)\.ts$/.test(file))
      .sort())
      hash.update(name).update(await readFile(join(folder, name)));
  for (const name of KERNEL_SOURCES) hash.update(await readFile(join(ROOT, 'native', name)));
  return hash.digest('hex').slice(0, 12);
}

function part(name: string): string {
  return join(import.meta.dirname, name);
}
