import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildFakes, type Major, requireHeaders } from '../build.ts';
import { compile, once, type Sanitizer } from '../compile.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const PROGRAM = join(import.meta.dirname, 'program.cc');
/** Of the module: what an engine's life takes. What is of Node.js's door cannot be linked without it. */
const LIVED = [
  ...['build', 'parse', 'progress', 'library', 'messages', 'cuda', 'engine', 'engine_profile'],
  ...['context', 'context_thread', 'run_plan', 'graphs', 'kernels', 'images', 'wait', 'watchdog'],
].map((name) => join(ROOT, `native/tensorrt/${name}.cc`));

/** The program `life` of a major with a sanitizer, linked with the fakes and the sources of the module that need no Node.js. */
export async function buildLife(major: Major, sanitizer: Sanitizer): Promise<string> {
  const fakes = await buildFakes(major, sanitizer);
  const headers = requireHeaders(major);
  const own = await files(import.meta.dirname, '.cc');
  const sources = [...LIVED, ...own];
  const key = createHash('sha256').update(fakes).update(headers.fingerprint);
  for (const file of [
    ...sources,
    ...(await files(import.meta.dirname, '.h')),
    ...(await files(join(ROOT, 'native/tensorrt'), '.h')),
  ])
    key.update(file).update(await readFile(file));
  const libraries = ['cuda.so.1', `nvinfer.so.${major}`, `nvonnxparser.so.${major}`];
  const link = ['-L', fakes, `-Wl,-rpath,${fakes}`, ...libraries.map((name) => `-l:lib${name}`), '-ldl'];
  const folder = await once(`life-${major}-${key.digest('hex').slice(0, 12)}`, async (unfinished) => {
    const library = sources.filter((file) => file !== PROGRAM);
    const shared = ['-shared', '-Wl,-soname,liblife.so', ...headers.flags, ...link];
    await compile(join(unfinished, 'liblife.so'), library, shared, sanitizer);
    const beside = ['-L', unfinished, '-l:liblife.so', '-Wl,-rpath,$ORIGIN', `-Wl,-rpath-link,${fakes}`];
    await compile(join(unfinished, 'life'), [PROGRAM], beside, sanitizer);
  });
  return join(folder, 'life');
}

async function files(folder: string, ending: string): Promise<string[]> {
  return (await readdir(folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}
