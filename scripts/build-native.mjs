// Builds the addon into build/Release where it is missing or older than what it is made from: with cmake-js where CMake
// is installed, else by one call of the C++ compiler. Nothing is downloaded either way.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = join(ROOT, 'build', 'Release', 'clip-server.node');
const require = createRequire(import.meta.url);

const INSTALL = {
  'apt-get': 'sudo apt-get install -y g++',
  dnf: 'sudo dnf install -y gcc-c++',
  apk: 'sudo apk add g++',
  brew: 'brew install gcc',
};

function isCurrent() {
  if (!existsSync(TARGET)) return false;
  const built = statSync(TARGET).mtimeMs;
  return readdirSync(join(ROOT, 'native')).every(
    (file) => statSync(join(ROOT, 'native', file)).mtimeMs <= built,
  );
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

function buildWithCMake(compiler) {
  process.env.CXX = compiler;
  run(process.execPath, [
    require.resolve('cmake-js/bin/cmake-js'),
    ...['compile', '-d', 'native', '-O', join(ROOT, 'build', 'cmake'), '-l', 'error'],
  ]);
}

/** The flags of native/CMakeLists.txt. */
function buildWithCompiler(compiler) {
  const sources = readFileSync(join(ROOT, 'native', 'sources.txt'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const partial = `${TARGET}.${process.pid}`;
  mkdirSync(dirname(TARGET), { recursive: true });
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
    ...[
      '-isystem',
      require('node-addon-api').include_dir,
      '-isystem',
      require('node-api-headers').include_dir,
    ],
    ...sources,
    ...['-o', partial],
  ]);
  renameSync(partial, TARGET);
}

if (!isCurrent()) {
  const compiler = findCompiler();
  if (runs('cmake')) buildWithCMake(compiler);
  else buildWithCompiler(compiler);
}
