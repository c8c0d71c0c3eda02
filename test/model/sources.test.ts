import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { obtainTower } from '../../src/model/obtain.ts';
import { emptyFolder } from './folder.ts';
import { CONTENT, filesOf, honest, MODEL, quickHooks, rogueServer, status } from './rogue-server.ts';

test('the hub’s token stays with the hub', async (t) => {
  const cache = await emptyFolder(t);
  const elsewhere = await rogueServer(t, honest);
  const hub = await rogueServer(t, status(302, { location: `${elsewhere.url}/blob` }));
  const environment = { HF_ENDPOINT: `${hub.url}/`, HF_TOKEN: 'secret' };
  await obtainTower(MODEL, 'image', { cache, offline: false }, quickHooks({ environment }));
  assert.deepEqual(hub.requests, ['GET /jinaai/clip-models/resolve/main/ViT-T-1%40px-visual.onnx']);
  assert.equal(hub.headers[0]!.authorization, 'Bearer secret');
  assert.equal(elsewhere.headers[0]!.authorization, undefined);
});

test('a proxy named by the environment is used, except for what no_proxy names', async (t) => {
  const proxy = await rogueServer(t, status(403));
  const server = await rogueServer(t, honest);
  const fetchThrough = async (environment: Record<string, string>) =>
    obtainTower(MODEL, 'image', filesOf(await emptyFolder(t), server.url), quickHooks({ environment }));
  await assert.rejects(fetchThrough({ http_proxy: proxy.url }), { code: 'model_unavailable' });
  assert.equal(server.requests.length, 0);
  await fetchThrough({ http_proxy: proxy.url, no_proxy: '127.0.0.1' });
  assert.equal(server.requests.length, 1);
});

test('a proxy that never opens its tunnel is left after the bound', async (t) => {
  const proxy = await rogueServer(t, honest);
  const hooks = quickHooks({ environment: { https_proxy: proxy.url } });
  const limits = { ...hooks.limits, connectMs: 50, stallMs: 50 };
  const files = filesOf(await emptyFolder(t), 'https://models.invalid');
  await assert.rejects(obtainTower(MODEL, 'image', files, { ...hooks, limits }), /did not answer/);
});

test('a folder serves as a mirror, by template, and offline too', async (t) => {
  const mirror = await emptyFolder(t);
  await writeFile(join(mirror, 'ViT-T-1@px-visual.onnx'), CONTENT);
  const source = `${pathToFileURL(mirror)}/{folder}-{file}`;
  const files = { ...filesOf(await emptyFolder(t), 'file:///nowhere', source), offline: true };
  const path = await obtainTower(MODEL, 'image', files, quickHooks());
  assert.deepEqual(await readFile(path), CONTENT);
});

test('sources that are no sources are faults of the configuration', async (t) => {
  const cache = await emptyFolder(t);
  for (const source of ['ftp://a/b', 'somewhere', 'https://a/{model}']) {
    await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, source), quickHooks()), {
      name: 'ConfigError',
    });
  }
});

test('progress counts to the stated size, with a speed and the server’s name', async (t) => {
  const hooks = quickHooks();
  const server = await rogueServer(t, honest);
  await obtainTower(MODEL, 'image', filesOf(await emptyFolder(t), server.url), hooks);
  const last = hooks.events.filter(({ phase }) => phase === 'downloading').at(-1)!;
  assert.equal(last.done, CONTENT.length);
  assert.equal(last.total, CONTENT.length);
  assert.ok(last.bytesPerSecond! > 0);
  assert.equal(`http://${last.detail}`, server.url);
  assert.equal(hooks.events.at(-1)!.phase, 'done');
});
