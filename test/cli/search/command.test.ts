import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { search as searchHere } from '../../../src/cli/search.ts';
import { ConfigError } from '../../../src/config/config.ts';
import { testModel } from '../../models/test-model.ts';
import { serveModel } from '../../server/start.ts';
import { writePhotos } from '../photos.ts';
import { jsonLines, runCommand } from '../run-command.ts';

const folder = await mkdtemp(join(tmpdir(), 'clip-search-'));
after(() => rm(folder, { recursive: true }));
const model = await testModel('tiny');
const NAMES = ['a.jpg', 'b.png', 'sub/c.webp', 'sub/deep/d.gif', 'e.tiff', 'f.jpg', 'g.jpg', 'h.jpg'];
const photos = NAMES.map((name) => join(folder, name));
await writePhotos(photos);
const server = await serveModel(model);
after(() => server.close());

interface Hit {
  readonly file: string;
  readonly score: number;
}

/** By the server, which saves loading the model. */
const search = (...args: string[]) => runCommand(['search', '--server', server.url, ...args]);

/** What a server answers, which others have compared with Python. */
async function embed(...documents: object[]): Promise<number[][]> {
  const { status, body } = await server.post('/encode', { data: documents });
  assert.equal(status, 200);
  return body.data.map(({ embedding }: { embedding: number[] }) => embedding);
}

const picture = (path: string) => ({ blob: readFileSync(path).toString('base64') });

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The photos by their cosines to a document, best first. */
async function expectedHits(query: object): Promise<Hit[]> {
  const [wanted, ...vectors] = await embed(query, ...photos.map(picture));
  return photos
    .map((file, i) => ({ file, score: cosine(wanted!, vectors[i]!) }))
    .sort((a, b) => b.score - a.score);
}

function assertHits(hits: readonly Hit[], expected: readonly Hit[]): void {
  assert.deepEqual(
    hits.map(({ file }) => file),
    expected.map(({ file }) => file),
  );
  for (const [i, { score }] of hits.entries())
    assert.ok(Math.abs(score - expected[i]!.score) < 1e-3, `${score}, the server's ${expected[i]!.score}`);
}

async function cleared(t: TestContext): Promise<void> {
  t.after(() => rm(join(folder, '.clip-index'), { force: true }));
}

test('the nearest pictures by words are those of the server’s vectors; the second search embeds nothing', async (t) => {
  await cleared(t);
  const expected = await expectedHits({ text: 'a red apple' });
  const first = await runCommand(['search', '--model', model, '--json', 'a red apple', folder]);
  assert.equal(first.code, 0, first.err);
  assertHits(jsonLines<Hit>(first.out), expected);
  assert.match(first.err, /: 8 embedded\n$/);

  // The same model behind a server knows the same index.
  const { code, out, err } = await search('--top', '3', 'a red apple', folder);
  assert.deepEqual([code, err], [0, '']);
  const rows = jsonLines<Hit>(first.out).map(({ file, score }) => `${score.toFixed(4)}  ${file}\n`);
  assert.equal(out, rows.slice(0, 3).join(''));
});

test('a picture finds itself first, and its kin; copies of it as well', async (t) => {
  await cleared(t);
  const copy = join(folder, 'sub', 'copy of a.jpg');
  await copyFile(photos[0]!, copy);
  t.after(() => unlink(copy));
  const { code, out, err } = await search('--json', '--image', photos[0]!, folder);
  assert.equal(code, 0, err);
  const hits = jsonLines<Hit>(out);
  const [expected, ...others] = await expectedHits(picture(photos[0]!));
  assert.equal(expected!.file, photos[0]);
  assert.deepEqual(
    hits
      .slice(0, 2)
      .map(({ file }) => file)
      .sort(),
    [photos[0]!, copy].sort(),
  );
  assertHits(hits.slice(2), others);
});

test('--html writes one page that asks for nothing, whatever the names of the pictures', async (t) => {
  await cleared(t);
  const wild = join(folder, `"><img src=x onerror=alert(1)>&'.jpg`);
  await copyFile(photos[0]!, wild);
  t.after(() => unlink(wild));
  const page = join(folder, 'sub', 'page.html');
  const words = '<script>alert("apple")</script>';
  const { code, err } = await search('--html', page, '--top', '99', words, folder);
  assert.equal(code, 0, err);
  const html = await readFile(page, 'utf8');
  assert.equal(html.match(/<li>/g)?.length, NAMES.length + 1);
  assert.equal(
    html.match(/<img alt="[^"]*" src="data:image\/webp;base64,[\w+/=]+">/g)?.length,
    NAMES.length + 1,
  );
  const tags = [...html.matchAll(/<([a-z0-9]+)/gi)].map(([, name]) => name!.toLowerCase());
  const allowed = 'html head meta title style body header h1 p ol li figure a img figcaption b'.split(' ');
  assert.deepEqual([...new Set(tags)].sort(), allowed.sort());
  for (const [, address] of html.matchAll(/\s(?:src|href)="([^"]*)"/g))
    if (!address!.startsWith('data:image/webp;base64,')) {
      const path = address!.replaceAll('&#39;', "'").split('/').map(decodeURIComponent).join('/');
      assert.ok([...photos, wild].includes(join(folder, 'sub', path)), address);
    }
  assert.match(
    html,
    /Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/,
  );
  const own = html.replaceAll(/data:image[^"]*/g, '');
  assert.doesNotMatch(own, /https?:|\/\/|url\(|@import/, 'no address of anything elsewhere');
});

test('an index of another model is refused, unless it is to be built anew', async (t) => {
  await cleared(t);
  assert.equal((await search('apple', folder)).code, 0);
  const other = await testModel('tiny', { seed: 2 });
  const args = ['search', '--model', other, '--json', 'apple', folder];
  const refused = await runCommand(args);
  assert.equal(refused.code, 2);
  assert.match(
    refused.err,
    /\.clip-index: expected an index of tiny-\w+, got one .* another model .*--rebuild/,
  );
  assert.equal(refused.out, '');
  const rebuilt = await runCommand([...args, '--rebuild']);
  assert.equal(rebuilt.code, 0);
  assert.match(rebuilt.err, /8 embedded/);
});

test('an index elsewhere is of its folder; --no-update takes it as it is', async (t) => {
  const path = join(await mkdtemp(join(tmpdir(), 'clip-elsewhere-')), 'my.index');
  t.after(() => rm(join(path, '..'), { recursive: true }));
  const missing = await search('--index', path, '--no-update', 'apple', folder);
  assert.deepEqual([missing.code, /expected an index/.test(missing.err)], [2, true], missing.err);
  assert.equal((await search('--index', path, 'apple', folder)).code, 0);
  assert.deepEqual(await readdir(join(path, '..')), ['my.index']);
  const added = join(folder, 'z.jpg');
  await copyFile(photos[0]!, added);
  t.after(() => unlink(added));
  const old = await search('--index', path, '--no-update', '--json', '--top', '99', 'apple', folder);
  assert.equal(jsonLines(old.out).length, NAMES.length, old.err);
  const wrong = await search('--index', path, 'apple', join(folder, 'sub'));
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /expected an index of \S+\/sub, got one of /);
});

test('a damaged index is told', async (t) => {
  await cleared(t);
  assert.equal((await search('apple', folder)).code, 0);
  const path = join(folder, '.clip-index');
  const bytes = await readFile(path);
  bytes[bytes.length - 200]! ^= 1;
  await writeFile(path, bytes);
  const { code, err, out } = await search('apple', folder);
  assert.deepEqual([code, out], [2, '']);
  assert.match(
    err,
    /\.clip-index: expected bytes of CRC-32 \w+ at byte \d+, .* damaged; --rebuild makes it anew/,
  );
});

test('faults of the command line end with 2, and each says what was expected', async () => {
  for (const [args, message] of [
    [[], /"WORDS" and FOLDER/],
    [['apple'], /"WORDS" and FOLDER/],
    [[' ', folder], /expected words/],
    [['--image', photos[0]!, 'apple', folder], /one FOLDER beside --image/],
    [['apple', join(folder, 'nowhere')], /expected a folder/],
    [['apple', photos[0]!], /expected a folder/],
    [['--top', '0', 'apple', folder], /--top/],
    [['--server', server.url, '--model', model, 'apple', folder], /--server and --model/],
    [['--ca', photos[0]!, 'apple', folder], /--server beside it/],
    [['--rebuild', '--no-update', 'apple', folder], /--rebuild and --no-update/],
    [['--sorted', 'apple', folder], /--sorted.*--help/],
    [['--model', './nothing', 'apple', folder], /a model's name or a folder/],
    [
      ['--server', server.url, '--index', join(folder, 'no/where'), 'apple', folder],
      /--index \S+: expected a path in a folder/,
    ],
  ] as const) {
    await assert.rejects(searchHere([...args]), (error) => {
      assert.ok(error instanceof ConfigError, `${args.join(' ')}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('without a network the default model’s absence leads to the demo model', async (t) => {
  const cache = await mkdtemp(join(tmpdir(), 'clip-cache-'));
  t.after(() => rm(cache, { recursive: true }));
  const env = { ...process.env, CLIP_SERVER_OFFLINE: '1', CLIP_SERVER_CACHE: cache };
  const { code, err } = await runCommand(['search', 'apple', folder], { env });
  assert.equal(code, 1);
  assert.match(err, /ViT-B-32::openai .* is not in the cache/);
  assert.match(err, /--model demo takes the small model that comes with clip-server/);
});

test('a relative folder gives relative paths', async (t) => {
  await cleared(t);
  const args = ['search', '--server', server.url, '--json', '--top', '1', '--image', 'f.jpg', '.'];
  const { code, out, err } = await runCommand(args, { cwd: folder });
  assert.equal(code, 0, err);
  assert.equal(jsonLines<Hit>(out)[0]!.file, 'f.jpg');
});
