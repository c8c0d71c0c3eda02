// node scripts/build-native.mjs [TARGET]: builds the addon, and a module for each major of TensorRT whose headers are found,
// into build/Release where it is missing or older than what it is made from: with cmake-js where CMake is installed, else by
// one call of the C++ compiler each. Nothing is downloaded either way. TARGET is clip-server, tensorrt10 or tensorrt11.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilerFlags, findHeaders, fingerprint, MAJORS } from './tensorrt-headers.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const BUILT = join(ROOT, 'build', 'Release');
const CMAKE_BUILD = join(ROOT, 'build', 'cmake');
const require = createRequire(import.meta.url);

const INSTALL = {
  'apt-get': 'sudo apt-get install -y g++',
  dnf: 'sudo dnf install -y gcc-c++',
  apk: 'sudo apk add g++',
  brew: 'brew install gcc',
};

const ADDON = { name: 'clip-server', sources: 'native/sources.txt', folders: ['native'], flags: [] };

function moduleOf(headers) {
  const exported = `-Wl,--version-script=${join(ROOT, 'native', 'tensorrt', 'exports.map')}`;
  return {
    name: `tensorrt${headers.major}`,
    sources: 'native/tensorrt/sources.txt',
    folders: ['native', 'native/tensorrt', 'native/tensorrt/kernels', 'native/tensorrt/shim'],
    flags: [...compilerFlags(headers), '-pthread', exported],
    headers,
    fingerprint: fingerprint(headers),
  };
}

function fileOf({ name }) {
  return join(BUILT, `${name}.node`);
}

/** Says which headers a module was compiled with. */
function stampOf(target) {
  return `${fileOf(target)}.headers`;
}

function hasOwnHeaders(target) {
  if (target.headers === undefined) return true;
  return existsSync(stampOf(target)) && readFileSync(stampOf(target), 'utf8') === target.fingerprint;
}

function isCurrent(target) {
  if (!existsSync(fileOf(target)) || !hasOwnHeaders(target)) return false;
  const built = statSync(fileOf(target)).mtimeMs;
  return target.folders.flatMap(filesIn).every((file) => statSync(file).mtimeMs <= built);
}

function filesIn(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(ROOT, folder, entry.name));
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function findCompiler() {
  const wanted = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  const found = wanted.find(runs);
  if (found) return found;
  const manager = Object.keys(INSTALL).find(runs);
  const how =
    process.platform === 'darwin' && !manager ? 'xcode-select --install' : INSTALL[manager ?? 'apt-get'];
  console.error(
    `clip-server's addon needs a C++ compiler, and ${wanted.join(', ')} does not run; install one with: ${how}`,
  );
  process.exit(1);
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')}\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`);
  console.error('clip-server: the addon does not compile; the compiler says why above.');
  process.exit(1);
}

function buildWithCMake(compiler, targets, wanted) {
  process.env.CXX = compiler;
  // CMake goes by the headers' times, which say nothing of packages.
  if (!targets.every(hasOwnHeaders)) rmSync(CMAKE_BUILD, { recursive: true, force: true });
  const folders = MAJORS.map((major) => {
    const folder = targets.find(({ headers }) => headers?.major === major)?.headers.folder ?? '';
    return `--CDTENSORRT${major}_HEADERS=${folder}`;
  });
  run(process.execPath, [
    require.resolve('cmake-js/bin/cmake-js'),
    ...['compile', '-d', 'native', '-O', CMAKE_BUILD, '-l', 'error'],
    ...['-p', `${availableParallelism()}`],
    ...(wanted === undefined ? [] : ['-T', wanted]),
    ...folders,
  ]);
}

/** The flags of native/CMakeLists.txt. */
function buildWithCompiler(compiler, target) {
  const sources = readFileSync(join(ROOT, target.sources), 'utf8').split('\n').filter(Boolean);
  const partial = `${fileOf(target)}.${process.pid}`;
  mkdirSync(BUILT, { recursive: true });
  run(compiler, [
    ...[
      '-std=c++20',
      '-O3',
      '-Wall',
      '-Wextra',
      '-fPIC',
      '-fvisibility=hidden',
      '-ffp-contract=off',
      '-shared',
    ],
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    ...target.flags,
    ...[
      '-isystem',
      require('node-addon-api').include_dir,
      '-isystem',
      require('node-api-headers').include_dir,
    ],
    ...sources,
    ...['-o', partial],
  ]);
  renameSync(partial, fileOf(target));
}

/** A module that cannot be built anew may be of other sources than what calls it. */
function removeOrphans(targets) {
  for (const major of MAJORS.filter((each) => !targets.some(({ headers }) => headers?.major === each)))
    for (const suffix of ['', '.headers'])
      rmSync(join(BUILT, `tensorrt${major}.node${suffix}`), { force: true });
}

const [wanted] = process.argv.slice(2);
const possible = [ADDON, ...MAJORS.map(findHeaders).filter(Boolean).map(moduleOf)];
removeOrphans(possible);
const targets = possible.filter(({ name }) => wanted === undefined || wanted === name);
if (targets.length === 0) {
  console.error(
    MAJORS.some((major) => wanted === `tensorrt${major}`)
      ? `clip-server: no headers for ${wanted}; npm run headers fetches them, CLIP_TENSORRT_INCLUDE names a folder of them.`
      : `clip-server: ${ADDON.name}, ${MAJORS.map((major) => `tensorrt${major}`).join(' or ')} expected, got ${wanted}`,
  );
  process.exit(1);
}
const stale = targets.filter((target) => !isCurrent(target));
if (stale.length > 0) {
  const compiler = findCompiler();
  const start = new Date();
  if (runs('cmake')) buildWithCMake(compiler, possible, wanted);
  else for (const target of stale) buildWithCompiler(compiler, target);
  for (const target of stale) {
    // Newer than its sources even where the build found nothing to do, and older than those that were changed meanwhile.
    utimesSync(fileOf(target), start, start);
    if (target.headers) writeFileSync(stampOf(target), target.fingerprint);
  }
}
