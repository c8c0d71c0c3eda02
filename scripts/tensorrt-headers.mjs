// Where TensorRT's headers are, for whatever compiles the modules. As a command, for binding.gyp:
//   node scripts/tensorrt-headers.mjs MAJOR    prints the compiler's flags; nothing where there are no headers
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Majors that a module can be compiled for. */
export const MAJORS = [10, 11];

/** Where `npm run headers` puts a major's. */
export function fetchedFolder(major) {
  return join(ROOT, 'native', 'headers', `tensorrt${major}`);
}

/** The compiler looks there by itself; named once more, they would come before the standard library's own. */
const SYSTEM = [
  '/usr/include',
  '/usr/include/x86_64-linux-gnu',
  '/usr/include/aarch64-linux-gnu',
  '/usr/local/include',
];
/** What the modules include. */
const INCLUDED = ['NvInfer.h', 'NvOnnxParser.h'];
/** A module uses what came up to 10.3; 10.8 orders a class as no other version does. */
const LEAST_MINOR = { 10: 3, 11: 0 };
const REFUSED = ['10.8'];

/**
 * The first folder with usable headers of the major: of CLIP_TENSORRT_INCLUDE (several are parted as in PATH), then the fetched
 * one, then the system's. The modules are for Linux: elsewhere there are none.
 */
export function findHeaders(major) {
  if (process.platform !== 'linux') return undefined;
  const named = (process.env.CLIP_TENSORRT_INCLUDE ?? '').split(delimiter).filter(Boolean);
  for (const folder of [...named.map((each) => resolve(each)), fetchedFolder(major), ...SYSTEM]) {
    const version = readVersion(folder);
    if (version && serves(version, major)) return { major, folder, version: version.join('.') };
  }
  return undefined;
}

/** Of the headers' contents: times say nothing, for packages keep those of the machine that packed them. */
export function fingerprint({ folder }) {
  const hash = createHash('sha256').update(folder);
  for (const name of readdirSync(folder).sort())
    if (/^Nv.*\.h$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

export function compilerFlags({ major, folder }) {
  const native = join(ROOT, 'native');
  const folders = [join(native, 'tensorrt', 'shim'), ...(SYSTEM.includes(folder) ? [] : [folder])];
  return [
    `-DCLIP_TENSORRT_MAJOR=${major}`,
    `-I${native}`,
    // From there the assembler takes in the CUDA kernels.
    ...['-Xassembler', `-I${native}`],
    ...folders.flatMap((each) => ['-isystem', each]),
  ];
}

function serves([major, minor], wanted) {
  return major === wanted && minor >= LEAST_MINOR[major] && !REFUSED.includes(`${major}.${minor}`);
}

/** Four numbers; undefined where the folder lacks a header or says no version. */
function readVersion(folder) {
  if (!INCLUDED.every((name) => existsSync(join(folder, name)))) return undefined;
  const file = join(folder, 'NvInferVersion.h');
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH', 'BUILD'].map((part) => numberOf(`NV_TENSORRT_${part}`, text));
  return version.includes(undefined) ? undefined : version;
}

/** A macro may stand for another one. */
function numberOf(macro, text) {
  const value = new RegExp(`^#define\\s+${macro}\\s+(\\w+)`, 'm').exec(text)?.[1];
  if (value === undefined || value === macro) return undefined;
  return /^\d+$/.test(value) ? Number(value) : numberOf(value, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const headers = findHeaders(Number(process.argv[2]));
  if (headers)
    process.stdout.write(
      compilerFlags(headers)
        .map((flag) => JSON.stringify(flag))
        .join(' '),
    );
}
