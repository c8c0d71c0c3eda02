import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildFakes, type Major, requireHeaders } from '../build.ts';
import { compile, once, type Sanitizer } from '../compile.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const PROGRAM = join(import.meta.dirname, 'program.cc');
/** What is of Node.js's door, or of preprocessing, and takes no part in an engine's life. */
const APART =
  /#include "(javascript|arguments|door|task|environment|feeds|build_calls|device_pixels|\w+_door)\.h"/;

/** The program `life` of a major with a sanitizer, linked with the fakes and the sources of the module that need no Node.js. */
export async function buildLife(major: Major, sanitizer: Sanitizer): Promise<string> {
  const fakes = await buildFakes(major, sanitizer);
  const headers = requireHeaders(major);
  const own = await files(import.meta.dirname, '.cc');
  const sources = [...(await lived()), ...own];
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

/** Sources of the module that link without Node.js. */
async function lived(): Promise<string[]> {
  const list = await readFile(join(ROOT, 'native/tensorrt/sources.txt'), 'utf8');
  const all = list.split('\n').filter((line) => line.startsWith('native/tensorrt/'));
  const paths = all.map((name) => join(ROOT, name));
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return paths.filter((_, i) => !APART.test(texts[i]!));
}

async function files(folder: string, ending: string): Promise<string[]> {
  return (await readdir(folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));
}
