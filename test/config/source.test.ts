import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/read.ts';
import { BUILT_IN_FOLDER } from '../../src/config/source.ts';
import { TEXT_LIMIT } from '../../src/config/yaml.ts';

const FLOW = 'jtype: Flow\nwith: {port: 7}\n';
const folder = () => mkdtempSync(join(tmpdir(), 'clip-config-'));
const load = (argument: string | undefined, cwd: string) => readConfig({ argument }, {}, { cwd });
const port = async (argument: string, cwd: string) => (await load(argument, cwd)).gateway.listeners[0]!.port;

test('a built-in name comes before a file of the working directory; ./ means the file', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'onnx-flow.yml'), FLOW);
  const builtIn = await load('onnx-flow.yml', cwd);
  assert.equal(builtIn.origin, 'built-in onnx-flow.yml');
  assert.deepEqual(builtIn.warnings, [
    `the built-in onnx-flow.yml is loaded; write ./onnx-flow.yml for the file in ${cwd}`,
  ]);
  const local = await load('./onnx-flow.yml', cwd);
  assert.equal(local.gateway.listeners[0]!.port, 7);
  assert.match(
    local.warnings[0]!,
    /onnx-flow\.yml is loaded; the reference server would load its built-in flow$/,
  );
  assert.deepEqual((await load('tensorrt-flow.yml', cwd)).warnings, []);
});

test('files are found by any name: absolute, in the working directory, with spaces, .YML, .jaml', async () => {
  const cwd = folder();
  for (const name of ['my flow.yml', 'A.YML', 'flow.jaml', 'flow', '{x}.json', 'jtype: x']) {
    writeFileSync(join(cwd, name), FLOW);
    assert.equal(await port(name, cwd), 7, name);
    assert.equal(await port(join(cwd, name), '/'), 7, name);
    assert.equal((await load(name, cwd)).origin, name);
  }
});

test('a missing file is one line with the places searched', async () => {
  const cwd = folder();
  await assert.rejects(load('nope.yml', cwd), {
    name: 'ConfigError',
    message: `"nope.yml": no such flow file; searched the built-in flows (torch-flow.yml, onnx-flow.yml, tensorrt-flow.yml) and ${cwd}, ${BUILT_IN_FOLDER}`,
  });
  await assert.rejects(load('/none/nope.yml', cwd), /searched the built-in flows \(.*\) and \/none$/);
  await assert.rejects(
    load('./torch-flow.yml', '/none'),
    /^ConfigError: "\.\/torch-flow\.yml": no such flow file/,
  );
  await assert.rejects(load('C:\\flow.yml', cwd), /no such flow file/);
});

test('the flow may be the argument itself, as YAML or JSON', async () => {
  for (const text of [
    FLOW,
    '{"jtype": "Flow", "with": {"port": 7}}',
    '!Flow\nwith: {port: 7}',
    'with: {port: 7}',
    '# c\njtype: Flow\nwith: {port: 7}',
  ]) {
    const config = await load(text, '/');
    assert.equal(config.gateway.listeners[0]!.port, 7, text);
    assert.equal(config.origin, 'argument');
  }
  await assert.rejects(load('jtype: Flow\nwith: {port: x}', '/'), /^ConfigError: argument:2: with\.port: /);
});

test('an empty argument, a directory and an empty file are refused', async () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'dir.yml'));
  writeFileSync(join(cwd, 'empty.yml'), '');
  await assert.rejects(load('', cwd), /^ConfigError: argument: expected a flow file, got an empty text$/);
  await assert.rejects(
    load('dir.yml', cwd),
    /^ConfigError: "dir\.yml": expected a flow file, got a directory/,
  );
  await assert.rejects(
    load('empty.yml', cwd),
    /^ConfigError: empty\.yml:1: the flow: expected a map, got nothing/,
  );
});

test('a file may hold as many bytes as the limit, of UTF-8', async () => {
  const cwd = folder();
  const of = (bytes: number) => FLOW + '#'.repeat(bytes - FLOW.length);
  writeFileSync(join(cwd, 'at.yml'), of(TEXT_LIMIT));
  writeFileSync(join(cwd, 'above.yml'), of(TEXT_LIMIT + 1));
  writeFileSync(join(cwd, 'latin.yml'), Buffer.from([0x61, 0xe9, 0x62]));
  writeFileSync(join(cwd, 'bom.yml'), `\ufeff${FLOW}`);
  assert.equal(await port('at.yml', cwd), 7);
  assert.equal(await port('bom.yml', cwd), 7);
  await assert.rejects(load('above.yml', cwd), /above\.yml: expected at most 65536 bytes, got more/);
  await assert.rejects(
    load('/dev/zero', cwd),
    /^ConfigError: \/dev\/zero: expected at most 65536 bytes, got more/,
  );
  await assert.rejects(load('latin.yml', cwd), /latin\.yml: expected UTF-8, got other bytes/);
  await assert.rejects(
    readConfig({ stdin: of(TEXT_LIMIT + 1) }, {}),
    /^ConfigError: stdin: expected at most 65536 bytes, got 65537/,
  );
});

test('a flow is loaded from a URL, within bounds', async () => {
  const answers: Record<string, [number, string]> = {
    '/flow': [200, FLOW],
    '/gone': [404, 'x'],
    '/big': [200, '#'.repeat(TEXT_LIMIT + 1)],
    '/bad': [200, 'a: ['],
  };
  const server = createServer((request, response) => {
    const [status, body] = answers[request.url!] ?? [302, ''];
    response.writeHead(status, status === 302 ? { location: '/flow' } : {}).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.equal(await port(`${base}/flow`, '/'), 7);
    assert.equal(await port(`${base}/moved`, '/'), 7);
    assert.equal((await load(`${base}/flow`, '/')).origin, `${base}/flow`);
    await assert.rejects(
      load(`${base}/gone`, '/'),
      /^ConfigError: http.*\/gone: expected status 200, got 404$/,
    );
    await assert.rejects(
      load(`${base}/big`, '/'),
      /^ConfigError: http.*\/big: expected at most 65536 bytes, got more$/,
    );
    await assert.rejects(load(`${base}/bad`, '/'), /^ConfigError: http.*\/bad:1:5: /);
    const stopped = readConfig({ argument: `${base}/flow` }, {}, { signal: AbortSignal.abort() });
    await assert.rejects(stopped, /^ConfigError: http.*\/flow: cannot be loaded: /);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  await assert.rejects(load(`${base}/flow`, '/'), /^ConfigError: http.*\/flow: cannot be loaded: ./);
});

test('a URL that never answers is given up, by a timer that the collector leaves alone', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/flow.yml`;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { signal } = new AbortController();
  const loaded = readConfig({ argument: url }, {}, { cwd: '/', signal });
  await once(server, 'request');
  t.mock.timers.tick(10_000);
  await assert.rejects(loaded, /flow\.yml: cannot be loaded: it took longer than 10 s/);
});
