import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, test } from 'node:test';
import { namedPictures, picturesIn } from '../../src/cli/pictures.ts';
import { printable } from '../../src/cli/printable.ts';
import { describePace } from '../../src/cli/progress.ts';

const folder = await mkdtemp(join(tmpdir(), 'clip-pictures-'));
after(() => rm(folder, { recursive: true }));
const FILES = [
  'a.jpg',
  'b.PNG',
  'c.txt',
  'photo [1].jpg',
  '.hidden.jpg',
  '.cache/d.jpg',
  'x/e.webp',
  'x/f.jpg',
  'x/y/g.jpg',
  'x/y/h.tiff',
  'z.gif/i.bmp',
];
for (const name of FILES) {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), name);
}
await symlink('..', join(folder, 'x/up'));
await symlink('a.jpg', join(folder, 'link.jpg'));
execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);

const ALL = [
  ...['a.jpg', 'b.PNG', 'link.jpg', 'photo [1].jpg'],
  ...['x/e.webp', 'x/f.jpg', 'x/y/g.jpg', 'x/y/h.tiff', 'z.gif/i.bmp'],
];

const named = async (...names: string[]) =>
  (await namedPictures(names.map((name) => join(folder, name)))).map((path) => relative(folder, path));

test('a folder gives its pictures and those below, sorted; no hidden ones, no circles', async () => {
  assert.deepEqual(await named('.'), ALL);
  assert.deepEqual(await named('.cache'), ['.cache/d.jpg'], 'what is named is taken');
});

for (const [pattern, expected] of [
  ['*.jpg', ['a.jpg', 'link.jpg', 'photo [1].jpg']],
  ['*', ['a.jpg', 'b.PNG', 'link.jpg', 'photo [1].jpg']],
  ['**/*.jpg', ['a.jpg', 'link.jpg', 'photo [1].jpg', 'x/f.jpg', 'x/y/g.jpg']],
  ['x/**', ['x/e.webp', 'x/f.jpg', 'x/y/g.jpg', 'x/y/h.tiff']],
  ['x/**/g.*', ['x/y/g.jpg']],
  ['*/*.{webp,bmp}', ['x/e.webp', 'z.gif/i.bmp']],
  ['?.jpg', ['a.jpg']],
  ['[ab].*', ['a.jpg', 'b.PNG']],
  ['[!ab]*.jpg', ['link.jpg', 'photo [1].jpg']],
  ['{a,x/{e,f},nothing}.*', []],
  ['{a,b}.*', ['a.jpg', 'b.PNG']],
  ['photo [1].jpg', ['photo [1].jpg']],
] as const)
  test(`the pattern ${pattern}`, async () => {
    if (expected.length > 0) assert.deepEqual(await named(pattern), expected);
    else await assert.rejects(named(pattern), /expected pictures in .*, found no \.jpg/);
  });

test('a file that is named is taken whatever its name; names of nothing are told', async () => {
  assert.deepEqual(await named('c.txt', 'a.jpg', 'a.jpg'), ['c.txt', 'a.jpg', 'a.jpg']);
  await assert.rejects(named('nothing.jpg'), /expected a file, got .*nothing\.jpg/);
});

test('a folder that cannot be read is told, and the others are gone through', async () => {
  const home = await mkdtemp(join(tmpdir(), 'clip-unreadable-'));
  after(() => rm(home, { recursive: true }));
  for (const name of ['a.jpg', 'gone/b.jpg', 'there/c.jpg']) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), name);
  }
  const unreadable: string[] = [];
  const found: string[] = [];
  const onUnreadable = (path: string) => unreadable.push(relative(home, path));
  for await (const path of picturesIn(home, { onUnreadable })) {
    found.push(relative(home, path));
    // Between its discovery and its turn.
    await rm(join(home, 'gone'), { recursive: true, force: true });
  }
  assert.deepEqual([found, unreadable], [['a.jpg', 'there/c.jpg'], ['gone']]);
  await assert.rejects(async () => {
    for await (const _ of picturesIn(join(home, 'gone'))) assert.fail('there is nothing');
  }, /ENOENT/);
});

test('names that would steer a terminal are shown by their numbers', () => {
  assert.equal(printable('äpfel & 日本 😀.jpg'), 'äpfel & 日本 😀.jpg');
  assert.equal(printable('\u001b[2J\n\u202egpj.x\u2028'), '\\u{1b}[2J\\u{a}\\u{202e}gpj.x\\u{2028}');
});

test('the pace is in items per second, and the time left in what one would say', () => {
  assert.equal(describePace(10, 100, 2000), '5.0 per second, 18 s left');
  assert.equal(describePace(100, 100_000, 2000), '50 per second, 34 min left');
  assert.equal(describePace(100, 10_000_000, 10_000), '10 per second, 278 h left');
  assert.equal(describePace(30, undefined, 1000), '30 per second');
});
