import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { readPictures } from '../../src/playground/gallery-file.ts';
import { testModel } from '../models/test-model.ts';
import { pythonOrSkip } from '../python/environment.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { handOver, holds, noBrowser, openBrowser, visit } from './chromium.ts';

// The requests that the page shows are run as they stand, in a folder that holds the picture.
const run = promisify(execFile);
/** What each of the languages reads in a way of its own. */
const WORDS = 'it\'s a "$HOME" `pwd` \\n 🍎 apple';
const FILE = "a red 'apple' $5.webp";
const CLIENT = resolve(import.meta.dirname, '../../src/client/node.ts');

const { python, skip: noPython } = noBrowser
  ? { python: '', skip: noBrowser }
  : await pythonOrSkip(resolve(import.meta.dirname, '../python/requirements/jina-3.15.2.txt'));
const options = { skip: noBrowser, timeout: 120_000 };

let browser: Browser;
let server: TestServer;
let folder: string;
let picture: Buffer;
let expected: { vectors: number[][]; ranked: string[] };

if (!noBrowser) {
  before(async () => {
    const { names, files } = await readPictures();
    picture = files[names.indexOf('red apple')]!;
    folder = await mkdtemp(join(tmpdir(), 'clip-snippets-'));
    await writeFile(join(folder, FILE), picture);
    browser = await openBrowser();
    server = await serveModel(await testModel('tiny'));
    const blob = { blob: picture.toString('base64') };
    const { body } = await server.post('/encode', { data: [{ text: WORDS }, blob] });
    const matches = [{ text: WORDS }, blob];
    const ranking = await server.post('/rank', { data: [{ text: 'cat.png', matches }] });
    expected = {
      vectors: body.data.map(({ embedding }: { embedding: number[] }) => embedding),
      ranked: ranking.body.data[0].matches.map(({ text }: { text: string | null }) => text ?? FILE),
    };
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    if (folder) await rm(folder, { recursive: true });
  });
}

/** Equal but for the last bits, which depend on what else is in a batch. */
function assertClose(found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): void {
  assert.deepEqual(
    found.map(({ length }) => length),
    wanted.map(({ length }) => length),
  );
  const apart = found.flatMap((vector, i) => vector.map((value, j) => Math.abs(value - wanted[i]![j]!)));
  assert.ok(Math.max(...apart) < 1e-4, `${Math.max(...apart)} apart`);
}

/** The request in one language, as a visitor would copy it. */
async function shown(page: Page, language: string): Promise<string> {
  return (await page.locator(`#panel-${language} code`).textContent())!;
}

async function search(page: Page): Promise<void> {
  // Without an event, so that words and picture go in one request.
  await page.evaluate(`document.querySelector('#words').value = ${JSON.stringify(WORDS)}`);
  await handOver(page, 'drop', '#search-drop', [{ name: FILE, bytes: picture }]);
  await holds(page, "/text.*blob/s.test(document.querySelector('#panel-curl').textContent)");
}

async function rank(page: Page): Promise<void> {
  await page.getByRole('tab', { name: 'Rank' }).click();
  for (let left = 4; left > 0; left--) {
    await page.locator('#ranking .remove').first().click();
    await holds(page, `document.querySelectorAll('#ranking li').length === ${left - 1}`);
  }
  await page.locator('#ask').fill('cat.png');
  await page.locator('#candidate').fill(WORDS);
  await page.keyboard.press('Enter');
  await handOver(page, 'drop', '#candidate-drop', [{ name: FILE, bytes: picture }]);
  await holds(page, "document.querySelectorAll('#ranking .score').length === 2");
}

test('curl gets what the page got', options, async (t) => {
  const { page } = await visit(t, browser, server.url);
  await search(page);
  const encoded = await run('bash', ['-c', await shown(page, 'curl')], { cwd: folder });
  const { data } = JSON.parse(encoded.stdout);
  assertClose(
    data.map(({ embedding }: { embedding: number[] }) => embedding),
    expected.vectors,
  );
  await rank(page);
  const ranked = await run('bash', ['-c', await shown(page, 'curl')], { cwd: folder });
  const [document] = JSON.parse(ranked.stdout).data;
  assert.deepEqual(
    document.matches.map(({ text }: { text: string | null }) => text ?? FILE),
    expected.ranked,
  );
});

test('the TypeScript client gets what the page got', options, async (t) => {
  const { page } = await visit(t, browser, server.url);
  const told = async (name: string): Promise<unknown> => {
    const code = (await shown(page, 'typescript'))
      .replace("'clip-server/client'", JSON.stringify(pathToFileURL(CLIENT).href))
      .replaceAll('{ file: "', `{ file: "${folder}/`);
    const file = join(folder, `${name}.mjs`);
    await writeFile(file, `${code}\nexport { ${name} };\n`);
    return (await import(pathToFileURL(file).href))[name];
  };
  await search(page);
  const vectors = (await told('vectors')) as Float32Array[];
  assertClose(
    vectors.map((vector) => [...vector]),
    expected.vectors,
  );
  await rank(page);
  const matches = (await told('matches')) as { index: number }[];
  assert.deepEqual(
    matches.map(({ index }) => [WORDS, FILE][index]),
    expected.ranked,
  );
});

test('the Python client gets what the page got', { ...options, skip: noBrowser || noPython }, async (t) => {
  const { page } = await visit(t, browser, server.url);
  await search(page);
  const encode = `${await shown(page, 'python')}\nimport json\nprint(json.dumps([[float(x) for x in v] for v in vectors]))\n`;
  const encoded = await run(python, ['-c', encode], { cwd: folder });
  const vectors = JSON.parse(encoded.stdout.trim().split('\n').at(-1)!) as number[][];
  assertClose(vectors, expected.vectors);
  await rank(page);
  const ranked = await run(python, ['-c', await shown(page, 'python')], { cwd: folder });
  const names = ranked.stdout
    .trim()
    .split('\n')
    .slice(-2)
    .map((line) => line.replace(/^\S+ /, ''));
  assert.deepEqual(names, expected.ranked);
});

test('what is copied is what is shown', options, async (t) => {
  const { page } = await visit(t, browser, server.url);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.locator('#words').fill('a red apple');
  await holds(page, "document.querySelector('#panel-curl').textContent.length > 20");
  await page.getByRole('tab', { name: 'Python' }).click();
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), await shown(page, 'python'));
  assert.ok((await readFile(join(folder, FILE))).equals(picture), 'the examples left the picture alone');
});
