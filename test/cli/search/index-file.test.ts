import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compact } from '../../../src/cli/search/compact.ts';
import type { IndexHead } from '../../../src/cli/search/format.ts';
import { IndexFile } from '../../../src/cli/search/index-file.ts';
import { ConfigError } from '../../../src/config/config.ts';

const WIDTH = 3;
const probe = Buffer.from(new Float32Array(WIDTH).buffer).toString('base64');
const HEAD: IndexHead = { model: 'a model', probes: { text: probe, image: probe } };

async function newPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-index-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'index');
}

/** Two blocks: three files of which two share a row, then one gone and one new. */
async function sample(path: string): Promise<void> {
  const index = await IndexFile.create(path, HEAD);
  await index.append(
    {
      added: [
        ['a.jpg', 10, 1.5, 'ha'],
        ['b.jpg', 20, 2.5, 'hb'],
      ],
      again: [['copy of a.jpg', 10, 3.5, 'ha', 0]],
      gone: [],
    },
    Uint16Array.of(1, 2, 3, 4, 5, 6),
  );
  await index.append(
    { added: [['ć.jpg', 30, 4.5, 'hc']], again: [], gone: ['b.jpg'] },
    Uint16Array.of(7, 8, 9),
  );
  await index.close();
}

const SAMPLE = {
  'a.jpg': { size: 10, modified: 1.5, hash: 'ha', row: [1, 2, 3] },
  'copy of a.jpg': { size: 10, modified: 3.5, hash: 'ha', row: [1, 2, 3] },
  'ć.jpg': { size: 30, modified: 4.5, hash: 'hc', row: [7, 8, 9] },
};

/** What the index says of each file, with the numbers of its row in place of the row's. */
async function contentOf(index: IndexFile) {
  const rows: number[][] = [];
  for await (const { first, vectors } of index.blocks())
    for (let i = 0; i < vectors.length / WIDTH; i += 1)
      rows[first + i] = Array.from(vectors.subarray(i * WIDTH, (i + 1) * WIDTH));
  return Object.fromEntries([...index.files].map(([path, file]) => [path, { ...file, row: rows[file.row] }]));
}

async function read(path: string) {
  const index = await IndexFile.open(path, 'r');
  try {
    return index && (await contentOf(index));
  } finally {
    await index?.close();
  }
}

test('what was written is read', async (t) => {
  const path = await newPath(t);
  assert.equal(await IndexFile.open(path, 'r'), undefined);
  await sample(path);
  assert.deepEqual(await read(path), SAMPLE);
});

test('wherever a write was cut off, what was there before is read, and writing goes on', async (t) => {
  const path = await newPath(t);
  await sample(path);
  const whole = await readFile(path);
  const index = (await IndexFile.open(path, 'r+'))!;
  await index.append(
    { added: [[`${'late'.repeat(100)}.jpg`, 1, 1, 'hl']], again: [], gone: [] },
    Uint16Array.of(1, 1, 1),
  );
  await index.close();
  const longer = await readFile(path);
  // The 64 bytes that begin a block are written last.
  const unfinished = Buffer.concat([whole, Buffer.alloc(64), longer.subarray(whole.length + 64)]);
  for (let size = whole.length; size <= longer.length; size += 7) {
    await writeFile(path, unfinished.subarray(0, size));
    assert.deepEqual(await read(path), SAMPLE, `cut off after ${size} bytes`);
    const again = (await IndexFile.open(path, 'r+'))!;
    await again.append({ added: [['new.jpg', 1, 1, 'hn']], again: [], gone: [] }, Uint16Array.of(2, 2, 2));
    await again.close();
    const row = { size: 1, modified: 1, hash: 'hn', row: [2, 2, 2] };
    assert.deepEqual(await read(path), { ...SAMPLE, 'new.jpg': row }, `cut off after ${size} bytes`);
  }
});

test('a changed byte is told, or means nothing', async (t) => {
  const path = await newPath(t);
  await sample(path);
  const whole = await readFile(path);
  let told = 0;
  for (let at = 0; at < whole.length; at += 1) {
    const damaged = Buffer.from(whole);
    damaged[at]! ^= 0x20;
    await writeFile(path, damaged);
    try {
      assert.deepEqual(await read(path), SAMPLE, `byte ${at}`);
    } catch (error) {
      assert.ok(error instanceof ConfigError, `byte ${at}: ${error}`);
      assert.match(error.message, /^\S*\/index: expected .*(--rebuild|--index)/);
      told += 1;
    }
  }
  assert.ok(told > whole.length / 3, `${told} of ${whole.length} bytes`);
});

test('an index that ends early is damaged, and one of another version is said to be one', async (t) => {
  const path = await newPath(t);
  await sample(path);
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(0, whole.length - 64));
  await assert.rejects(
    read(path),
    /expected a block at byte \d+, got something else: the index is damaged; --rebuild/,
  );
  whole.writeUInt32LE(2, 8);
  await writeFile(path, whole);
  await assert.rejects(read(path), /expected an index of version 1, got 2; --rebuild/);
});

test('a file that is no index is left alone', async (t) => {
  const path = await newPath(t);
  for (const content of ['', 'my thesis', 'x'.repeat(200)]) {
    await writeFile(path, content);
    await assert.rejects(IndexFile.open(path, 'r+'), /expected an index of clip-server, got another file/);
    await assert.rejects(IndexFile.create(path, HEAD), /got another file/);
    assert.equal(await readFile(path, 'utf8'), content);
  }
});

test('an index that was made smaller says the same; who reads the old one goes on', async (t) => {
  const path = await newPath(t);
  await sample(path);
  const reader = (await IndexFile.open(path, 'r'))!;
  const { length } = await readFile(path);
  const index = (await IndexFile.open(path, 'r+'))!;
  for (let i = 0; i < 700; i += 1)
    await index.append({ added: [['d.jpg', i, i, `h${i}`]], again: [], gone: [] }, Uint16Array.of(i, i, i));
  await index.append({ added: [], again: [], gone: ['d.jpg'] }, new Uint16Array());
  assert.ok(!index.isWasteful, 'too small to be worth it');
  for (let i = 0; i < 400; i += 1)
    await index.append({ added: [], again: [['a.jpg', 10, 1.5, 'ha', 0]], gone: [] }, new Uint16Array());
  assert.ok(index.isWasteful, '1100 changes for three files');
  const fresh = await compact(index);
  assert.ok(!fresh.isWasteful, 'nothing is superfluous');
  assert.equal(fresh.rows, 2);
  assert.deepEqual(await contentOf(fresh), SAMPLE);
  await fresh.append({ added: [['e.jpg', 5, 5, 'he']], again: [], gone: [] }, Uint16Array.of(5, 5, 5));
  await fresh.close();
  const row = { size: 5, modified: 5, hash: 'he', row: [5, 5, 5] };
  assert.deepEqual(await read(path), { ...SAMPLE, 'e.jpg': row });
  assert.ok((await readFile(path)).length < 2 * length, 'one block in place of 1102');
  assert.deepEqual(await contentOf(reader), SAMPLE);
  await reader.close();
});
