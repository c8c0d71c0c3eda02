import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compilerFlags, findHeaders, fingerprint } from '../../scripts/tensorrt-headers.mjs';
import { compile, type Headers, once, type Sanitizer } from './compile.ts';
import { stubs } from './stubs.ts';

/** Whose functions the fakes have to have; those that are not replaced end the process with their names. */
const INFER = [
  ...['VHostMemory', 'VRuntime', 'VOptimizationProfile', 'VCudaEngine', 'VExecutionContext'],
  ...['VEngineInspector', 'VTensor', 'VNetworkDefinition', 'VTimingCache', 'VBuilderConfig', 'VBuilder'],
];
const PARSER = ['IParserError', 'IParser'];
const PARTS = ['cuda', 'infer', 'parser'];
/** Compiled into the fake driver as twins of the kernels. */
const KERNELS = ['pixel.h', 'tensorrt/half.h', 'tensorrt/kernels.cu'];
/** Everything else stays inside its library, for the three are made of equally named parts. */
const EXPORTS = '{ global: cu*; fake_*; create*; get*; local: *; };\n';

export type Major = 10 | 11;

/** Why the fakes of a major cannot be built here; false where they can. For `skip` of a test. */
export function noFakes(major: Major): string | false {
  return headersOf(major) === undefined && `no headers of TensorRT ${major}; npm run headers fetches them`;
}

/** Undefined where there are none of the major. */
export function headersOf(major: Major): Headers | undefined {
  const found = findHeaders(major);
  return found && { folder: found.folder, flags: compilerFlags(found), fingerprint: fingerprint(found) };
}

export function requireHeaders(major: Major): Headers {
  const found = headersOf(major);
  if (found === undefined)
    throw new Error(`expected headers of TensorRT ${major} (npm run headers), found none`);
  return found;
}

/**
 * A folder with fakes of libnvinfer.so.MAJOR, libnvonnxparser.so.MAJOR and libcuda.so.1, compiled once for all processes and
 * kept until a source or a header changes. With a sanitizer they are for programs that have it too.
 */
export async function buildFakes(major: Major, sanitizer?: Sanitizer): Promise<string> {
  const headers = requireHeaders(major);
  const key = createHash('sha256')
    .update(headers.fingerprint)
    .update(sanitizer ?? '');
  for (const folder of ['.', ...PARTS].map((part) => join(import.meta.dirname, part)))
    for (const name of (await readdir(folder))
      .filter((file) => /(\.h|\.cc|(?<!\.test)\.ts)$/.test(file))
      .sort())
      key.update(name).update(await readFile(join(folder, name)));
  for (const name of KERNELS) key.update(await readFile(join(import.meta.dirname, '../../native', name)));
  const name = `${major}-${key.digest('hex').slice(0, 12)}`;
  return once(name, (folder) => compileFakes(folder, major, headers, sanitizer));
}

async function compileFakes(
  folder: string,
  major: Major,
  headers: Headers,
  sanitizer?: Sanitizer,
): Promise<void> {
  const read = (name: string) => readFile(join(headers.folder, name), 'utf8');
  const text = {
    'stubs.h': stubs(await read('NvInferImpl.h'), INFER, 'nvinfer1::apiv'),
    'parser-stubs.h': stubs(await read('NvOnnxParser.h'), PARSER, 'nvonnxparser'),
    'exports.map': EXPORTS,
  };
  for (const [name, content] of Object.entries(text)) await writeFile(join(folder, name), content);
  const library = (name: string, part: string, more: readonly string[] = []) =>
    compileLibrary(folder, name, part, [...headers.flags, '-I', folder, ...more], sanitizer);
  await Promise.all([library('libcuda.so.1', 'cuda'), library(`libnvinfer.so.${major}`, 'infer', ['-ldl'])]);
  await library(`libnvonnxparser.so.${major}`, 'parser', ['-L', folder, `-l:libnvinfer.so.${major}`]);
}

/**
 * A folder's sources as one unit, in half the time. The libraries stay loaded for good, for threads of theirs may run when a
 * program lets go of them.
 */
async function compileLibrary(
  folder: string,
  name: string,
  part: string,
  flags: readonly string[],
  sanitizer?: Sanitizer,
): Promise<void> {
  const sources = join(import.meta.dirname, part);
  const files = (await readdir(sources)).filter((file) => file.endsWith('.cc')).sort();
  const unit = join(folder, `${part}.cc`);
  await writeFile(unit, files.map((file) => `#include "${join(sources, file)}"\n`).join(''));
  const shared = `-Wl,-soname,${name},-z,nodelete,--version-script,${join(folder, 'exports.map')}`;
  await compile(join(folder, name), [unit], ['-shared', shared, ...flags], sanitizer);
}
