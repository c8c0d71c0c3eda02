import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Embedder, Source } from '../../../src/cli/embed/embedder.ts';
import { unit } from '../../../src/cli/embed/unit.ts';
import type { IndexHead } from '../../../src/cli/search/format.ts';
import { IndexFile } from '../../../src/cli/search/index-file.ts';
import { type Updated, update } from '../../../src/cli/search/update.ts';
import { halfToNumber } from '../../../src/float16.ts';

const WIDTH = 8;
const probe = Buffer.from(new Float32Array(WIDTH).buffer).toString('base64');
const HEAD: IndexHead = { model: 'a model', probes: { text: probe, image: probe } };
/** Long enough ago for its time to tell a later change. */
const OLD = new Date('2020-01-01T00:00:00Z');
const NEVER = new AbortController().signal;

/** A direction that tells which bytes it came from. */
function vectorOf(bytes: Uint8Array): Float32Array {
  const digest = createHash('sha256').update(bytes).digest();
  return Float32Array.from({ length: WIDTH }, (_, i) => digest[i]! - 127.5);
}

/** Contents that begin with `broken` fail; after `most` of them, all is over. */
function fakeEmbedder(most = Number.POSITIVE_INFINITY) {
  const seen: string[] = [];
  async function* encode(sources: AsyncIterable<Source>) {
    for await (const source of sources) {
      assert.ok('blob' in source, 'files are read once, for their hash');
      if (seen.length === most) throw new Error('the server is gone');
      const content = Buffer.from(source.blob).toString();
      seen.push(content);
      if (content.startsWith('broken')) yield { error: { code: 'invalid_image', message: 'broken' } };
      else yield { vector: vectorOf(source.blob) };
    }
  }
  const embedder: Embedder = { name: 'fake', logitScale: 100, encode, close: async () => {} };
  return { seen, embedder };
}

class Scene {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async put(name: string, content: string, at: Date = OLD): Promise<void> {
    await mkdir(join(this.path(name), '..'), { recursive: true });
    await writeFile(this.path(name), content);
    await utimes(this.path(name), at, at);
  }

  /** One run over the folder; what it embedded, and what the index holds then. */
  async run(most?: number): Promise<{ seen: string[]; content: Record<string, string>; updated?: Updated }> {
    const { seen, embedder } = fakeEmbedder(most);
    const path = this.path('.index');
    const index = (await IndexFile.open(path, 'r+')) ?? (await IndexFile.create(path, HEAD));
    try {
      const updated = await update(index, this.folder, embedder, NEVER).catch((error: Error) => {
        assert.equal(error.message, 'the server is gone');
      });
      return { seen: seen.sort(), content: await this.#content(), ...(updated && { updated }) };
    } finally {
      await index.close();
    }
  }

  /** Of each file the content whose vector the index holds. */
  async #content(): Promise<Record<string, string>> {
    const index = (await IndexFile.open(this.path('.index'), 'r'))!;
    const rows: string[] = [];
    for await (const { first, vectors } of index.blocks())
      for (let i = 0; i < vectors.length / WIDTH; i += 1)
        rows[first + i] = nameOf(Array.from(vectors.subarray(i * WIDTH, (i + 1) * WIDTH), halfToNumber));
    await index.close();
    return Object.fromEntries([...index.files].map(([path, { row }]) => [path, rows[row]!]).sort());
  }
}

const CONTENTS = Array.from({ length: 30 }, (_, i) => `content ${i}`);

function nameOf(row: readonly number[]): string {
  const score = (content: string) =>
    unit(vectorOf(Buffer.from(content))).reduce((sum, x, i) => sum + x * row[i]!, 0);
  const known = CONTENTS.filter((content) => score(content) > 0.999);
  assert.equal(known.length, 1);
  return known[0]!;
}

async function openScene(t: TestContext): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-update-'));
  t.after(() => rm(folder, { recursive: true }));
  return new Scene(folder);
}

test('only what is new or has other content is embedded', async (t) => {
  const scene = await openScene(t);
  await scene.put('a.jpg', 'content 0');
  await scene.put('sub/b.PNG', 'content 1');
  await scene.put('c.webp', 'content 2');
  await scene.put('notes.txt', 'no picture');
  await scene.put('.hidden.jpg', 'content 3');
  await scene.put('.thumbnails/d.jpg', 'content 4');
  await symlink('..', scene.path('sub/circle'));
  const first = await scene.run();
  assert.deepEqual(first.seen, ['content 0', 'content 1', 'content 2']);
  const content = { 'a.jpg': 'content 0', 'c.webp': 'content 2', 'sub/b.PNG': 'content 1' };
  assert.deepEqual(first.content, content);
  assert.deepEqual(first.updated, { embedded: 3, removed: 0, faults: [] });

  const second = await scene.run();
  assert.deepEqual(second, { seen: [], content, updated: { embedded: 0, removed: 0, faults: [] } });

  // As long as before, and of another time.
  await scene.put('a.jpg', 'content 5', new Date('2021-01-01T00:00:00Z'));
  await scene.put('e.gif', 'content 6');
  const third = await scene.run();
  assert.deepEqual(third.seen, ['content 5', 'content 6']);
  assert.deepEqual(third.content, { ...content, 'a.jpg': 'content 5', 'e.gif': 'content 6' });
});

test('a file that was moved, copied or touched keeps its vector', async (t) => {
  const scene = await openScene(t);
  for (const i of [0, 1, 2]) await scene.put(`${i}.jpg`, `content ${i}`);
  await scene.run();
  await mkdir(scene.path('album'));
  await rename(scene.path('0.jpg'), scene.path('album/0.jpg'));
  await copyFile(scene.path('1.jpg'), scene.path('1 again.jpg'));
  await utimes(scene.path('2.jpg'), new Date(), new Date());
  const { seen, content, updated } = await scene.run();
  assert.deepEqual(seen, []);
  assert.deepEqual(content, {
    '1 again.jpg': 'content 1',
    '1.jpg': 'content 1',
    '2.jpg': 'content 2',
    'album/0.jpg': 'content 0',
  });
  assert.deepEqual(updated, { embedded: 0, removed: 1, faults: [] });
});

test('a file that changes twice within what a file system tells apart is embedded twice', async (t) => {
  const scene = await openScene(t);
  const now = new Date();
  await scene.put('a.jpg', 'content 0', now);
  await scene.run();
  await scene.put('a.jpg', 'content 1', now);
  const { seen, content } = await scene.run();
  assert.deepEqual([seen, content], [['content 1'], { 'a.jpg': 'content 1' }]);
});

test('what is gone leaves the index, and its row serves nobody else', async (t) => {
  const scene = await openScene(t);
  for (const i of [0, 1, 2, 3]) await scene.put(`${i}.jpg`, `content ${i}`);
  await scene.run();
  await unlink(scene.path('0.jpg'));
  await unlink(scene.path('2.jpg'));
  const { content, updated } = await scene.run();
  assert.deepEqual(content, { '1.jpg': 'content 1', '3.jpg': 'content 3' });
  assert.equal(updated?.removed, 2);
});

test('broken pictures are told in each run, and stop nothing', async (t) => {
  const scene = await openScene(t);
  await scene.put('a.jpg', 'content 0');
  await scene.put('b.jpg', 'broken');
  await scene.put('c.jpg', 'content 2');
  await symlink('nowhere.jpg', scene.path('d.jpg'));
  await symlink('e.jpg', scene.path('e.jpg'));
  for (const expected of [['broken', 'content 0', 'content 2'], ['broken']]) {
    const { seen, content, updated } = await scene.run();
    assert.deepEqual(seen, expected);
    assert.deepEqual(content, { 'a.jpg': 'content 0', 'c.jpg': 'content 2' });
    const faults = updated!.faults.map(({ path, fault }) => [path, fault.code]).sort();
    assert.deepEqual(faults, [
      ['b.jpg', 'invalid_image'],
      ['d.jpg', 'invalid_input'],
      ['e.jpg', 'invalid_input'],
    ]);
  }
  // What it was is no answer for what it has become.
  await scene.put('a.jpg', 'broken too');
  const { content, updated } = await scene.run();
  assert.deepEqual([content, updated?.removed], [{ 'c.jpg': 'content 2' }, 1]);
});

test('a run that ends early leaves what it did, and the next one does the rest', async (t) => {
  const scene = await openScene(t);
  for (const [i, content] of CONTENTS.entries()) await scene.put(`${i}.jpg`, content);
  const first = await scene.run(12);
  assert.equal(first.updated, undefined, 'it failed');
  assert.equal(Object.keys(first.content).length, 12);
  const second = await scene.run();
  assert.equal(second.seen.length, CONTENTS.length - 12);
  assert.deepEqual(
    second.content,
    Object.fromEntries(CONTENTS.map((content, i) => [`${i}.jpg`, content]).sort()),
  );
});
