// npm run test:package: packs the project, installs the tarball in an empty folder as a user would, and serves from there.
'use strict';
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createInterface } = require('node:readline');
const { ROOT } = require('./setup.cjs');

const MAX_BYTES = 30e6;
const PREBUILT = `prebuilds/${process.platform}-${process.arch}/clip-server.node`;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'clip-server-package-'));

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}

function check(holds, sentence) {
  if (!holds) throw new Error(sentence);
  process.stdout.write(`ok: ${sentence}\n`);
}

function pack() {
  const [{ filename, size, files }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], ROOT));
  check(size <= MAX_BYTES, `the tarball has ${(size / 1e6).toFixed(1)} MB, at most ${MAX_BYTES / 1e6}`);
  const names = files.map((file) => file.path);
  check(
    !names.some((name) => /^(test|bench|src|native\/headers)\/|^models\/.*\/\./.test(name)),
    'the tarball holds what runs and no more',
  );
  return path.join(folder, filename);
}

function install(tarball) {
  const home = path.join(folder, 'app');
  fs.mkdirSync(home);
  fs.writeFileSync(path.join(home, 'package.json'), '{"private":true}');
  npm(['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], home);
  return path.join(home, 'node_modules', '.bin', 'clip-server');
}

/** A machine with Node.js alone: no compiler on the path, so the prebuilt addon has to load. */
function bareEnvironment() {
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  return { HOME: folder, PATH: bin, TMPDIR: os.tmpdir() };
}

async function serve(command, env) {
  const flow = path.join(folder, 'flow.yml');
  const model = path.join(folder, 'model');
  execFileSync(process.execPath, ['--import', 'tsx', 'test/models/make.ts', 'tiny', model], { cwd: ROOT });
  fs.writeFileSync(
    flow,
    `jtype: Flow\nwith: {port: 0, host: 127.0.0.1, protocol: http}\nexecutors:\n  - uses: CLIPEncoder\n    uses_with: {model_path: '${model}', device: cpu}\n    py_modules: [executors/clip_onnx.py]\n`,
  );
  const child = spawn(command, [flow], { env, cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const timeout = setTimeout(() => child.kill('SIGKILL'), 120_000);
  try {
    let port;
    for await (const line of createInterface({ input: child.stdout })) {
      port = /Local: 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) break;
    }
    check(port !== undefined, 'the installed command starts a server');
    const answer = await fetch(`http://127.0.0.1:${port}/encode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data: [{ text: 'a red apple' }, { uri: `data:image/gif;base64,${GIF}` }] }),
    });
    const { data } = await answer.json();
    check(
      data.every((doc) => doc.embedding.every(Number.isFinite)),
      'it answers a text and an image with vectors',
    );
    const program = `import { Client } from 'clip-server/client';
      const client = new Client('http://127.0.0.1:${port}');
      const [vector] = await client.encode(['a red apple']);
      await client.close();
      process.stdout.write(JSON.stringify([...vector]));`;
    const home = path.join(path.dirname(command), '../..');
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: home,
      encoding: 'utf8',
    });
    check(
      JSON.stringify(data[0].embedding) === printed,
      'its client, imported by name, gets the same vector',
    );
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    check(code === 0, 'it ends with exit code 0 on SIGTERM');
  } finally {
    clearTimeout(timeout);
    child.kill('SIGKILL');
  }
}

const GIF = 'R0lGODlhAQABAIAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==';

async function main() {
  try {
    const command = install(pack());
    const env = bareEnvironment();
    const version = execFileSync(command, ['--version'], { env, cwd: folder, encoding: 'utf8' }).trim();
    check(
      version === require('../package.json').version,
      `the installed command says its version, ${version}`,
    );
    await serve(command, env);
    fs.writeFileSync(path.join(folder, 'app/node_modules/clip-server', PREBUILT), 'of another machine');
    await serve(command, { ...process.env, HOME: folder });
    check(true, 'where the prebuilt addon does not load, it is compiled');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  process.stderr.write(`not ok: ${error.stack}\n`);
  process.exitCode = 1;
});
