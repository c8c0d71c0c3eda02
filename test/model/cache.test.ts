import assert from 'node:assert/strict';
import { mkdir, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cachePaths, cacheState } from '../../src/model/cache.ts';
import { CATALOGUE, resolveModel } from '../../src/model/catalogue.ts';
import { obtainTower } from '../../src/model/obtain.ts';
import type { OpenPart } from '../../src/model/part-file.ts';
import { prepareModel } from '../../src/model/prepare.ts';
import { silentLog } from '../../src/observe/log.ts';
import { emptyFolder } from './folder.ts';
import { imageTower, textTower } from './onnx-writer.ts';
import {
  CONTENT,
  dropAfter,
  filesOf,
  honest,
  MODEL,
  quickHooks,
  rogueServer,
  status,
} from './rogue-server.ts';

async function cacheWith(t: TestContext, folder: string, content: Uint8Array = CONTENT) {
  const cache = await emptyFolder(t);
  const path = join(cache, folder, 'visual.onnx');
  await mkdir(join(cache, folder));
  await writeFile(path, content);
  return { cache, path };
}

test('the reference server’s folders are known: canonical name first, then each alias', () => {
  const folders = (name: string) => cachePaths('/c', resolveModel(name), 'visual.onnx');
  assert.deepEqual(folders('ViT-B/32').slice(0, 2), [
    '/c/ViT-B-32-openai/visual.onnx',
    '/c/ViT-B-32/visual.onnx',
  ]);
  assert.deepEqual(folders('ViT-L-14-336').slice(0, 2), [
    '/c/ViT-L-14-336-openai/visual.onnx',
    '/c/ViT-L-14@336px/visual.onnx',
  ]);
  const all = CATALOGUE.flatMap((model) => cachePaths('/c', model, 'visual.onnx'));
  assert.equal(new Set(all).size, all.length);
});

for (const folder of ['ViT-T-1-test', 'ViT-T-1']) {
  test(`a file in ${folder}/ is used without a network, and hashed once`, async (t) => {
    const { cache, path } = await cacheWith(t, folder);
    const offline = { cache, offline: true };
    const first = quickHooks();
    assert.equal(await obtainTower(MODEL, 'image', offline, first), path);
    assert.ok(first.events.some(({ phase }) => phase === 'checking'));
    const second = quickHooks();
    assert.equal(await obtainTower(MODEL, 'image', offline, second), path);
    assert.ok(!second.events.some(({ phase }) => phase === 'checking'));
  });
}

test('a file that changed since it was verified is hashed again', async (t) => {
  const { cache, path } = await cacheWith(t, 'ViT-T-1-test');
  const files = { cache, offline: true };
  await obtainTower(MODEL, 'image', files, quickHooks());
  const { atime, mtime } = await stat(path);
  await writeFile(path, Buffer.alloc(CONTENT.length));
  await assert.rejects(obtainTower(MODEL, 'image', files, quickHooks()), { code: 'model_unavailable' });
  await writeFile(path, CONTENT.subarray(1));
  await utimes(path, atime, mtime);
  await assert.rejects(obtainTower(MODEL, 'image', files, quickHooks()), { code: 'model_unavailable' });
  await writeFile(path, CONTENT);
  assert.equal(await obtainTower(MODEL, 'image', files, quickHooks()), path);
});

test('a note that is no note is not believed', async (t) => {
  const { cache, path } = await cacheWith(t, 'ViT-T-1-test', Buffer.alloc(CONTENT.length));
  for (const note of ['', 'null', '[]', '{"md5":1}']) {
    await writeFile(join(cache, 'ViT-T-1-test', '.visual.onnx.verified.json'), note);
    await assert.rejects(obtainTower(MODEL, 'image', { cache, offline: true }, quickHooks()), {
      code: 'model_unavailable',
    });
  }
  assert.equal((await stat(path)).size, CONTENT.length);
});

test('a cached file with other bytes is fetched anew', async (t) => {
  const { cache, path } = await cacheWith(t, 'ViT-T-1-test', Buffer.from('broken'));
  const server = await rogueServer(t, honest);
  assert.equal(await obtainTower(MODEL, 'image', filesOf(cache, server.url), quickHooks()), path);
  assert.deepEqual(await readFile(path), CONTENT);
});

test('a folder in the file’s place is named', async (t) => {
  const cache = await emptyFolder(t);
  await mkdir(join(cache, 'ViT-T-1-test', 'visual.onnx'), { recursive: true });
  await assert.rejects(
    obtainTower(MODEL, 'image', filesOf(cache), quickHooks()),
    /visual\.onnx: expected a model file/,
  );
});

test('offline, the error lists both files, their checksums, places and origins', async (t) => {
  const cache = await emptyFolder(t);
  const hooks = { ...quickHooks(), limits: {} };
  await assert.rejects(
    prepareModel({ name: 'ViT-B/32' }, { cache, offline: true }, hooks),
    (error: Error) => {
      for (const part of [
        join(cache, 'ViT-B-32-openai', 'textual.onnx'),
        join(cache, 'ViT-B-32-openai', 'visual.onnx'),
        'bd6d7871e8bb95f3cc83aff3398d7390',
        '88c6f38e522269d6c04a85df18e6370c',
        'https://huggingface.co/jinaai/clip-models/resolve/main/ViT-B-32-visual.onnx',
        'HF_HUB_OFFLINE',
      ]) {
        assert.ok(error.message.includes(part), part);
      }
      return true;
    },
  );
  assert.deepEqual(await readdir(cache), []);
});

test('an archived tower is refused with what to do', async (t) => {
  const files = { cache: await emptyFolder(t), offline: false };
  await assert.rejects(prepareModel({ name: 'ViT-H-14::laion2b-s32b-b79k' }, files, quickHooks()), {
    name: 'ConfigError',
    message: /visual\.zip .*\(MD5 38151ea5985d73de94520efef38db4e7\).*model_path/,
  });
});

/** The model's two files with a note each that says they were verified. */
async function notedModel(
  t: TestContext,
  name: string,
  files: Record<'text' | 'image', Uint8Array>,
): Promise<string> {
  const cache = await emptyFolder(t);
  const model = resolveModel(name);
  for (const tower of ['text', 'image'] as const) {
    const { file, md5 } = model.files[tower];
    const path = cachePaths(cache, model, file)[0]!;
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, files[tower]);
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    const note = { size: Number(size), modified: String(mtimeNs), inode: String(ino), md5 };
    await writeFile(join(path, '..', `.${file}.verified.json`), JSON.stringify(note));
  }
  return cache;
}

test('a model’s name leads to the contract of its files', async (t) => {
  const cache = await notedModel(t, 'ViT-B/32', { text: textTower(), image: imageTower() });
  const { contract, warnings } = await prepareModel(
    { name: 'ViT-B/32' },
    { cache, offline: true },
    quickHooks(),
  );
  assert.equal(contract.name, 'ViT-B-32::openai');
  assert.equal(contract.image.resolution, 224);
  assert.deepEqual(warnings, []);
});

test('published files that contradict the catalogue are refused', async (t) => {
  const cache = await notedModel(t, 'ViT-L/14', { text: textTower(), image: imageTower() });
  await assert.rejects(prepareModel({ name: 'ViT-L/14' }, { cache, offline: true }, quickHooks()), {
    code: 'model_invalid',
    message: /ViT-L-14::openai has vectors of width 768, this file has 512/,
  });
});

test('a full disk leaves nothing behind and says what to do', async (t) => {
  const cache = await emptyFolder(t);
  const server = await rogueServer(t, dropAfter(20_000), honest);
  const fullDisk: OpenPart = async (path) => {
    const handle = await open(path, 'w+');
    const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
    let room = 30_000;
    handle.write = (async (bytes: Uint8Array, ...rest: unknown[]) => {
      room -= bytes.length;
      if (room < 0)
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      return write(bytes, ...rest);
    }) as typeof handle.write;
    return handle;
  };
  const hooks = quickHooks({ openPart: fullDisk });
  await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, server.url), hooks), {
    code: 'model_unavailable',
    message: /the disk of .*ViT-T-1-test is full; free some space or name another folder in files\.cache/,
  });
  assert.deepEqual(await readdir(join(cache, 'ViT-T-1-test')), []);
});

test('a cache that cannot be made is named', async (t) => {
  const cache = join(await emptyFolder(t), 'file');
  await writeFile(cache, '');
  await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, 'http://127.0.0.1:9'), quickHooks()), {
    code: 'model_unavailable',
    message: /ViT-T-1-test cannot be written/,
  });
});

test('the list’s state is told without hashing', async (t) => {
  const { cache } = await cacheWith(t, 'ViT-T-1');
  const { file, md5 } = MODEL.files.image;
  const state = () => cacheState(cachePaths(cache, MODEL, file), { md5 });
  assert.equal(await state(), 'present');
  await obtainTower(MODEL, 'image', { cache, offline: true }, quickHooks());
  assert.equal(await state(), 'verified');
  assert.equal(await cacheState(cachePaths(cache, MODEL, 'textual.onnx'), { md5 }), 'absent');
});

test('an abort while hashing ends the start', async (t) => {
  const { cache } = await cacheWith(t, 'ViT-T-1-test');
  const server = await rogueServer(t, status(500));
  const hooks = quickHooks({ signal: AbortSignal.abort(), log: silentLog });
  await assert.rejects(obtainTower(MODEL, 'image', filesOf(cache, server.url), hooks), {
    name: 'AbortError',
  });
  assert.equal(server.requests.length, 0);
});
