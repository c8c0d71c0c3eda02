// What a fresh clone lacks: packages, compiled TypeScript, the addon. Nothing that is present is made again.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.resolve(__dirname, '..');

function run(command, args) {
  // Output goes to stderr: stdout belongs to the program that is being set up.
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT') fail(`${command} was not found; it comes with Node.js (https://nodejs.org).`);
  if (status !== 0) process.exit(status ?? 1);
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 17)) {
    fail(`clip-server needs Node.js 20.17 or newer, and this is ${process.versions.node}.`);
  }
}

/** npm writes what it installed into node_modules; equal versions mean that nothing has to be done. */
function packagesArePresent() {
  const installed = path.join(ROOT, 'node_modules', '.package-lock.json');
  if (!fs.existsSync(installed)) return false;
  const wanted = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(fs.readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional || entry.version === have[name]?.version,
  );
}

function newest(entry) {
  const stat = fs.statSync(entry, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...fs.readdirSync(entry).map((name) => newest(path.join(entry, name))));
}

function ensurePackages() {
  checkNode();
  if (!packagesArePresent()) run('npm', ['ci', '--no-audit', '--no-fund']);
}

function ensureTypeScript() {
  const sources = Math.max(
    ...['src', 'playground', 'tsconfig.json'].map((name) => newest(path.join(ROOT, name))),
  );
  const launch = path.join(ROOT, 'dist', 'cli', 'launch.cjs');
  if (newest(launch) >= sources) return;
  fs.rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
  buildPage();
  compile('tsconfig.json');
  // Its time tells the next start that everything before it was built.
  fs.chmodSync(launch, 0o755);
}

/** The playground's page: a program of its own, for browsers. */
function buildPage() {
  const source = path.join(ROOT, 'playground');
  const target = path.join(ROOT, 'dist', 'playground', 'page');
  compile(path.join('playground', 'tsconfig.json'));
  for (const name of fs.readdirSync(source))
    if (/\.(html|css|svg)$/.test(name)) fs.copyFileSync(path.join(source, name), path.join(target, name));
}

function compile(project) {
  run(process.execPath, [path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
}

function ensureAddon() {
  run(process.execPath, [path.join(ROOT, 'scripts', 'build-native.mjs')]);
}

module.exports = { ROOT, ensurePackages, ensureTypeScript, ensureAddon };
