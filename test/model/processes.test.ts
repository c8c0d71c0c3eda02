import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdir, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { obtainTower } from '../../src/model/obtain.ts';
import { emptyFolder } from './folder.ts';
import { CONTENT, filesOf, type Handler, honest, MODEL, quickHooks, rogueServer } from './rogue-server.ts';

const CHILD = join(import.meta.dirname, 'obtain-child.ts');

/** Sends half of the file; the rest when asked. */
function halfway(): { handler: Handler; release: () => void } {
  const gate = new EventEmitter();
  const handler: Handler = (_request, response) => {
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 50_000));
    gate.once('open', () => response.end(CONTENT.subarray(50_000)));
  };
  return { handler, release: () => void gate.emit('open') };
}

function spawnChild(cache: string, url: string, onLine: (line: string) => void): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, cache, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface(child.stdout!).on('line', onLine);
  return child;
}

test('two processes at once: one fetches, the other shows that it waits and uses the file', async (t) => {
  const cache = await emptyFolder(t);
  const { handler, release } = halfway();
  const server = await rogueServer(t, handler);
  const output: string[][] = [[], []];
  const children = output.map((lines) =>
    spawnChild(cache, server.url, (line) => {
      lines.push(line);
      if (line === 'waiting') release();
    }),
  );
  const codes = await Promise.all(children.map((child) => once(child, 'close')));
  assert.deepEqual(
    codes.map(([code]) => code),
    [0, 0],
  );
  const path = join(cache, 'ViT-T-1-test', 'visual.onnx');
  assert.deepEqual(
    output.map((lines) => lines.at(-1)),
    [path, path],
  );
  assert.equal(output.filter((lines) => lines.includes('waiting')).length, 1);
  assert.equal(server.requests.length, 1);
  assert.deepEqual(await readFile(path), CONTENT);
});

test('after kill -9 the lock is taken over once it is stale, and the part continued', async (t) => {
  const cache = await emptyFolder(t);
  const { handler } = halfway();
  const server = await rogueServer(t, handler, honest);
  const child = spawnChild(cache, server.url, (line) => line === 'downloading' && child.kill('SIGKILL'));
  await once(child, 'close');
  const folder = join(cache, 'ViT-T-1-test');
  const lock = join(folder, 'visual.onnx.lock');
  await utimes(lock, new Date(0), new Date(0));
  await obtainTower(MODEL, 'image', filesOf(cache, server.url), quickHooks());
  assert.match(server.requests[1]!, /bytes=\d+-$/);
  assert.deepEqual((await readdir(folder)).sort(), ['.visual.onnx.verified.json', 'visual.onnx']);
});

test('a lock that is never given up ends the wait', async (t) => {
  const cache = await emptyFolder(t);
  const lock = join(cache, 'ViT-T-1-test', 'visual.onnx.lock');
  await mkdir(lock, { recursive: true });
  const server = await rogueServer(t, honest);
  const hooks = quickHooks();
  const limits = { ...hooks.limits, waitMs: 0, pollMs: 1 };
  await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, server.url), { ...hooks, limits }), {
    code: 'model_unavailable',
    message: /another process has held .*visual\.onnx\.lock/,
  });
  assert.ok(hooks.events.some(({ phase }) => phase === 'waiting'));
  assert.equal(server.requests.length, 0);
});

test('a download whose lock is lost ends', async (t) => {
  const cache = await emptyFolder(t);
  const { handler } = halfway();
  const server = await rogueServer(t, handler);
  const hooks = quickHooks();
  const limits = { ...hooks.limits, staleMs: 2000, stallMs: 60_000 };
  const lock = join(cache, 'ViT-T-1-test', 'visual.onnx.lock');
  const progress = () => void rm(lock, { recursive: true, force: true });
  await assert.rejects(
    obtainTower(MODEL, 'image', filesOf(cache, server.url), { ...hooks, limits, progress }),
    {
      code: 'model_unavailable',
      message: /visual\.onnx\.lock was lost/,
    },
  );
  assert.deepEqual(await readdir(dirname(lock)), ['visual.onnx.part']);
});
