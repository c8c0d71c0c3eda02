import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { failsWith, limitCount, makeLoader, never } from './loopback.ts';

let home = '';
let folder = '';
const LIMIT = 100;
before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'clip-folder-')));
  folder = join(home, 'images');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await mkdir(join(home, 'images-private'));
  await writeFile(join(home, 'secret'), 'secret');
  await writeFile(join(home, 'images-private', 'x'), 'secret');
  for (const size of [0, 5, LIMIT - 1, LIMIT, LIMIT + 1, 100 * LIMIT])
    await writeFile(join(folder, `${size}`), 'x'.repeat(size));
  await writeFile(join(folder, 'sub', 'with space.png'), 'inner');
  await writeFile(join(folder, '..name'), 'dots');
  await symlink(join(home, 'secret'), join(folder, 'out'));
  await symlink(home, join(folder, 'up'));
  await symlink(join(folder, '5'), join(folder, 'in'));
  await symlink('loop', join(folder, 'loop'));
  await symlink(folder, join(home, 'alias'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
});
after(() => rm(home, { recursive: true }));

const loaderFor = (path?: string) =>
  makeLoader({ fetch: path === undefined ? {} : { folder: path }, limits: { imageBytes: LIMIT } });
const read = async (uri: string, path = folder) =>
  Buffer.from(await loaderFor(path).loader.load(uri, never)).toString();

test('without a folder every path is refused', async () => {
  const { loader } = loaderFor();
  for (const uri of [
    '/etc/passwd',
    'file:///etc/passwd',
    'FILE:/etc/passwd',
    'x.png',
    './x',
    '../x',
    '',
    '~/x',
    '\\\\host\\x',
  ])
    await failsWith('forbidden_uri', loader.load(uri, never));
});

test('files below the folder are read by path and by file: URI', async () => {
  assert.equal(await read('5'), 'xxxxx');
  assert.equal(await read('./sub/../5'), 'xxxxx');
  assert.equal(await read(join(folder, '5')), 'xxxxx');
  assert.equal(await read('in'), 'xxxxx');
  assert.equal(await read('..name'), 'dots');
  assert.equal(await read(pathToFileURL(join(folder, 'sub', 'with space.png')).href), 'inner');
});

test('a folder that is a link itself takes both spellings', async () => {
  const alias = join(home, 'alias');
  for (const uri of ['5', join(alias, '5'), join(folder, '5')]) assert.equal(await read(uri, alias), 'xxxxx');
});

test('what lies outside is refused, there or not, by links too', async () => {
  const { loader } = loaderFor(folder);
  for (const uri of [
    '/etc/passwd',
    '/no/such/file',
    'file:///etc/passwd',
    'file://localhost/etc/passwd',
    '../secret',
    '../nothing',
    '../images-private/x',
    'sub/../../secret',
    'out',
    'up/secret',
    '.',
    '..',
    '',
    folder,
    'file:///%2e%2e/etc/passwd',
  ])
    await failsWith('forbidden_uri', loader.load(uri, never));
});

test('only regular files with content are read', async () => {
  const { loader } = loaderFor(folder);
  for (const uri of [
    'none.png',
    'sub',
    'pipe',
    '0',
    'loop',
    '5/x',
    '5\0.png',
    'file://host/5',
    'file:///a%2Fb',
    'x'.repeat(5000),
  ])
    await failsWith('invalid_uri', loader.load(uri, never));
});

test('the size limit holds at the byte', async () => {
  const { loader, metrics } = loaderFor(folder);
  for (const size of [LIMIT - 1, LIMIT]) assert.equal((await loader.load(`${size}`, never)).length, size);
  for (const size of [LIMIT + 1, 100 * LIMIT])
    await failsWith('image_too_large', loader.load(`${size}`, never));
  assert.equal(await limitCount(metrics, 'image_bytes'), 2);
});

test('a folder that does not exist gives an error of the URI', async () => {
  await failsWith('invalid_uri', loaderFor(join(home, 'gone')).loader.load('5', never));
});
