import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { writePhotos } from '../cli/photos.ts';
import { CLI, jsonLines, runCommand } from '../cli/run-command.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/bulk.md'), 'utf8');
const run = promisify(execFile);

const folder = await mkdtemp(join(tmpdir(), 'clip-bulk-'));
after(() => rm(folder, { recursive: true }));
const NAMES = ['photos/apple.jpg', 'photos/rex.png', 'photos/2019/market.jpg'];
await writePhotos([...NAMES, 'apple.jpg'].map((name) => join(folder, name)));
await writeFile(join(folder, 'labels.txt'), 'cat\ndog\nhorse\nmouse\n');
const server = await serveModel(await testModel('tiny'));
after(() => server.close());

const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block!);
const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));

/** As typed, with the model behind a server in place of ViT-B/32. */
async function type(command: string): Promise<string> {
  const typed = command.replace(/clip-server (\w+)/, `${process.execPath} ${CLI} $1 --server ${server.url}`);
  const { stdout } = await run('bash', ['-c', `set -o pipefail; ${typed}`], { cwd: folder });
  return stdout;
}

/** Rows of the table with this header, as cells. */
function table(header: string): string[][] {
  const [, rest] = page.split(`| ${header} |\n`);
  const lines = rest!.split('\n').slice(1);
  return lines.slice(0, lines.indexOf('')).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the commands do what the page says of them', async () => {
  assert.equal(commands.length, 7);
  const [classified, prompted, labelled, piped, searched, sheet, listed] = commands as [string, ...string[]];
  const rowsOf = async (command: string) => (await type(command)).trim().split('\n');
  // A model of random weights gives other labels than the page shows.
  const classifiedRows = await rowsOf(classified);
  assert.equal(classifiedRows.length, NAMES.length);
  const [labelTable, hitTable] = blocks('text').map((block) => block.trim().split('\n'));
  for (const row of [...classifiedRows, ...labelTable!])
    assert.match(row, /^\d\.\d{4} {2}(cat {6}|dog {6}|red apple) {2}photos\/\S+$/);
  assert.equal((await rowsOf(prompted!)).length, 2 * 3, 'three labels of two pictures');
  assert.equal((await rowsOf(piped!)).length, 1, 'one of the pictures is a PNG');
  for (const row of [...(await rowsOf(searched!)), ...hitTable!])
    assert.match(row, /^-?\d\.\d{4} {2}photos\/\S+$/);
  for (const command of [labelled!, sheet!, listed!]) await type(command);
  const labels = jsonLines<{ labels: unknown[] }>(await readFile(join(folder, 'labels.jsonl'), 'utf8'));
  assert.deepEqual(
    labels.map(({ labels }) => labels.length),
    NAMES.map(() => 2),
  );
  assert.match(await readFile(join(folder, 'apples.html'), 'utf8'), /^<!doctype html>/);
  assert.equal(jsonLines(await readFile(join(folder, 'dogs.jsonl'), 'utf8')).length, NAMES.length);
  assert.deepEqual((await readdir(join(folder, 'photos'))).sort(), [
    '.clip-index',
    '2019',
    'apple.jpg',
    'rex.png',
  ]);
});

test('the page names every option of the commands, and no other', async () => {
  const names = (text: string) => [...text.matchAll(/--([a-z-]+)/g)].map(([, name]) => name!);
  const ofModels = names(
    table('Option | Takes')
      .map((row) => row.join(' '))
      .join(' '),
  );
  const tables = page.split('| Option | Default | Means |\n').slice(1);
  for (const [i, command] of ['classify', 'search'].entries()) {
    const { out } = await runCommand([command, '--help']);
    const listed = names([...out.matchAll(/^ {2}(--\S+)/gm)].map(([, option]) => option!).join(' '));
    const rows = tables[i]!.split('\n').filter((line) => line.startsWith('| `--'));
    const documented = names(rows.map((line) => line.split('|')[1]!).join(' '));
    assert.deepEqual([...new Set([...ofModels, ...documented])].sort(), [...listed].sort(), command);
  }
});

test('defaults are those of the help', async () => {
  const { out: classify } = await runCommand(['classify', '--help']);
  const { out: search } = await runCommand(['search', '--help']);
  assert.match(classify, /default "a photo of a \{\}"/);
  assert.match(page, /`--prompt TEXT` \| `a photo of a \{\}`/);
  assert.match(classify, /default 1; with --json all/);
  assert.match(page, /`--top N` \| 1; with `--json` all/);
  assert.match(search, /--top N .*default 10/);
  assert.match(page, /`--top N` \| 10/);
  assert.match(search, /default \.clip-index in FOLDER/);
});

test('a file may have 128 MiB and 120 million pixels', async () => {
  const names = ['fine.png', 'many-pixels.png', 'many-bytes.jpg'];
  const [fine, pixels, bytes] = names.map((name) => join(folder, name)) as [string, string, string];
  const grey = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#808080' } }).png({ compressionLevel: 1 });
  // Above what a server takes by default.
  await grey(8000, 5100).toFile(fine);
  const small = await grey(8, 8).toBuffer();
  small.writeUInt32BE(12_000, 16);
  small.writeUInt32BE(10_001, 20);
  await writeFile(pixels, small);
  await writeFile(bytes, '');
  await truncate(bytes, 128 * 2 ** 20 + 1);
  const args = ['--model', await testModel('tiny'), '--labels', 'cat,dog', '--json', fine, pixels, bytes];
  const { code, out, err } = await runCommand(['classify', ...args]);
  assert.equal(code, 1, err);
  const answers = jsonLines<{ labels?: unknown[]; error?: { code: string; message: string } }>(out);
  assert.equal(answers[0]!.labels?.length, 2);
  assert.deepEqual(
    answers.slice(1).map(({ error }) => error!.code),
    ['image_too_large', 'image_too_large'],
  );
  assert.match(answers[1]!.error!.message, /up to 120000000 pixels expected, got 12000x10001/);
  assert.match(answers[2]!.error!.message, /at most 134217728 bytes, got 134217729/);
});

test('the demo model works at once', async () => {
  const env = { ...process.env, CLIP_SERVER_OFFLINE: '1', CLIP_SERVER_CACHE: join(folder, 'no-cache') };
  const args = ['classify', '--model', 'demo', '--labels', 'cat,dog', join(folder, 'apple.jpg')];
  const { code, out, err } = await runCommand(args, { env });
  assert.equal(code, 0, err);
  assert.match(out, /^\d\.\d{4} {2}(cat|dog) {2}\S+\n$/);
});
