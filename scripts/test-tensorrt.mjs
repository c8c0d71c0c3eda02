// npm run test:tensorrt: tests of test/tensorrt against NVIDIA's own libraries, on a host without a GPU. They are
// fetched once by Maven, as it is configured here, pinned and checked, into ~/.cache/clip-server-tensorrt (2.5 GB).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'clip-server-tensorrt');
const UNPACK = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.0:unpack';
const ARTEFACTS = [
  {
    version: '10.15-1.5.13',
    sha256: '8543a6bda95c5d42141d409e1b74024b444e96334a3815d53997cc4ec3cfce83',
  },
  {
    version: '10.6-1.5.11',
    sha256: 'e7979693541f996bc284335b05f5e890a82b8b3aba50d680e1343a139cf291c4',
  },
];
const WANTED = ['libnvinfer.so.10', 'libnvonnxparser.so.10', 'libnvinfer_builder_resource'];
const LONGEST_MS = 60 * 60_000;

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** Its folder is put there whole, or not at all. */
function isPresent({ version }) {
  const folder = join(CACHE, version);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return WANTED.every((name) => files.some((file) => file.startsWith(name)));
}

function checkMaven() {
  if (spawnSync('mvn', ['--version'], { stdio: 'ignore' }).status === 0) return;
  const files = WANTED.map((name) => (/\d$/.test(name) ? name : `${name}*.so.*`)).join(', ');
  const folders = ARTEFACTS.map(({ version }) => join(CACHE, version)).join(' and ');
  fail(
    `Maven fetches TensorRT's libraries for these tests, and mvn does not run here: install it (sudo apt-get install -y maven), or put ${files} into ${folders}.`,
  );
}

async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Into a repository of its own, which goes again: the archives would take 1.6 GB beside what is in them. */
async function fetchLibraries({ version, sha256 }) {
  const started = Date.now();
  const scratch = join(CACHE, `${version}.${process.pid}`);
  const unpacked = join(scratch, 'unpacked');
  mkdirSync(scratch, { recursive: true });
  const quiet = process.stderr.isTTY ? [] : ['-q', '-ntp'];
  const includes = WANTED.map((name) => `**/${name}*`).join(',');
  const args = [
    ...['-B', ...quiet, UNPACK, `-Dmaven.repo.local=${join(scratch, 'repository')}`],
    `-Dartifact=org.bytedeco:tensorrt:${version}:jar:linux-x86_64-redist`,
    ...[`-DoutputDirectory=${unpacked}`, `-Dmdep.unpack.includes=${includes}`],
  ];
  try {
    const { status } = spawnSync('mvn', args, {
      cwd: scratch,
      stdio: ['ignore', 2, 2],
      timeout: LONGEST_MS,
    });
    if (status !== 0)
      throw new Error(`Maven did not fetch org.bytedeco:tensorrt ${version}; it says why above.`);
    const name = `tensorrt-${version}-linux-x86_64-redist.jar`;
    const sum = await sha256Of(join(scratch, 'repository/org/bytedeco/tensorrt', version, name));
    if (sum !== sha256)
      throw new Error(
        `${name} has SHA-256 ${sum}, and ${sha256} was expected; nothing of it was kept or loaded.`,
      );
    rmSync(join(CACHE, version), { recursive: true, force: true });
    renameSync(join(unpacked, 'org/bytedeco/tensorrt/linux-x86_64'), join(CACHE, version));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  process.stderr.write(`TensorRT ${version}: fetched in ${Math.round((Date.now() - started) / 1000)} s\n`);
}

if (process.platform !== 'linux' || process.arch !== 'x64')
  fail(
    `TensorRT's libraries are fetched for linux-x64 alone, and this is ${process.platform}-${process.arch}.`,
  );
const missing = ARTEFACTS.filter((artefact) => !isPresent(artefact));
if (missing.length > 0) checkMaven();
for (const artefact of missing) await fetchLibraries(artefact).catch((error) => fail(error.message));
const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'test.cjs'), 'test/tensorrt/'], {
  stdio: 'inherit',
  env: { ...process.env, CLIP_TEST_TENSORRT: CACHE },
});
process.exit(status ?? 1);
