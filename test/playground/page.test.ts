import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Browser, Route } from 'playwright-core';
import { type Pictures, readPictures } from '../../src/playground/gallery-file.ts';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { found, handOver, holds, isFirst, noBrowser, openBrowser, visit, wholeGallery } from './chromium.ts';

// What a visitor does with the page, in a real browser. The model is random: that a picture is closest to itself is all it knows.
const options = { skip: noBrowser, timeout: 120_000 };
/** Bytes of everything but pictures. */
const PAGE_WEIGHT = 150 * 1024;

let browser: Browser;
let server: TestServer;
let pictures: Pictures;

if (!noBrowser) {
  before(async () => {
    pictures = await readPictures();
    browser = await openBrowser();
    server = await serveModel(await testModel('tiny'));
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}

const fileOf = (name: string) => {
  const bytes = pictures.files[pictures.names.indexOf(name)]!;
  return { name: `${name}.webp`, bytes };
};

test(
  'words find pictures, and the page shows the request, its latency and what serves',
  options,
  async (t) => {
    const { page, complaints, asked } = await visit(t, browser, server.url);
    await wholeGallery(page);
    const before = await found(page);
    await page.getByLabel('Describe what you look for').fill('a red apple');
    await holds(page, "document.querySelector('#results .cosine') !== null");
    const after = await found(page);
    assert.equal(after.length, before.length);
    assert.notDeepEqual(after, before);
    const cosines = (await page.locator('#results .cosine').allTextContents()).map(Number);
    assert.deepEqual(
      cosines,
      [...cosines].sort((a, b) => b - a),
      'best first',
    );
    assert.equal(
      await page.locator('#found').textContent(),
      `The best 24 of ${pictures.names.length.toLocaleString('en')} pictures.`,
    );
    assert.match((await page.locator('#latency').textContent())!, /^[\d.]+ ms$/);
    assert.match((await page.locator('#panel-curl').textContent())!, /\/encode .*"a red apple"/s);
    const facts = (await page.locator('#facts').textContent())!;
    for (const fact of ['ONNX Runtime', 'fp32', 'cpu', '32 numbers', '32 × 32'])
      assert.ok(facts.includes(fact), facts);
    await page.getByRole('button', { name: 'Measure throughput' }).click();
    await holds(page, "/^[\\d,]+\\/s$/.test(document.querySelector('#texts-rate').textContent)");
    assert.match((await page.locator('#pictures-rate').textContent())!, /^[\d,]+\/s$/);
    assert.deepEqual(complaints, []);
    const origins = new Set([...asked].map((url) => new URL(url).origin));
    assert.deepEqual([...origins], [server.url], 'nothing comes from elsewhere');
  },
);

test('the page weighs little', options, async (t) => {
  const { page, asked } = await visit(t, browser, server.url);
  await page.waitForLoadState('networkidle');
  // Not compressed: so much it is at most, whoever asks.
  let bytes = 0;
  for (const url of asked) {
    if (url.includes('/playground/pictures/')) continue;
    const response = await fetch(url, { headers: { accept: 'text/html' } });
    bytes += (await response.arrayBuffer()).byteLength;
  }
  assert.ok(asked.size > 20, `${asked.size} files`);
  assert.ok(bytes < PAGE_WEIGHT, `${bytes} bytes`);
});

test('a dropped picture finds itself, and so does one that is pasted or chosen', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await wholeGallery(page);
  await handOver(page, 'drop', '#search-drop', [fileOf('red apple')]);
  await isFirst(page, 'red apple');
  assert.equal(await page.locator('#results .cosine').first().textContent(), '1.000');
  await handOver(page, 'drop', 'h1', [fileOf('violin')]);
  await isFirst(page, 'violin');
  await handOver(page, 'paste', 'body', [fileOf('monkey')]);
  await isFirst(page, 'monkey');
  const chosen = fileOf('balloon');
  await page
    .locator('#search-drop input')
    .setInputFiles({ name: chosen.name, mimeType: 'image/webp', buffer: chosen.bytes });
  await isFirst(page, 'balloon');
  const fourth = (await found(page))[3]!;
  await page.locator('#results button').nth(3).click();
  await isFirst(page, fourth);
  await page.getByRole('button', { name: /^Remove / }).click();
  await holds(page, "document.querySelector('#results .cosine') === null");
  assert.deepEqual(complaints, []);
});

test('words that are typed while a chosen picture is on its way are mixed with it', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await wholeGallery(page);
  await page.locator('#words').fill('a red apple');
  await holds(page, "document.querySelector('#results .cosine') !== null");
  const chosen = (await found(page))[2]!;
  const held = new EventEmitter();
  await page.route('**/playground/pictures/**', (route) =>
    route.request().resourceType() === 'fetch' ? void held.emit('route', route) : route.continue(),
  );
  const asked = once(held, 'route') as Promise<[Route]>;
  await page.locator('#results button').nth(2).click();
  const [route] = await asked;
  await page.locator('#words').fill('a violin');
  await route.continue();
  const weight = page.getByLabel('Weight');
  await weight.waitFor();
  assert.equal(await page.locator('#words').inputValue(), 'a violin');
  await weight.fill('100');
  await isFirst(page, chosen);
  assert.deepEqual(complaints, []);
});

test('words and a picture are mixed by weight', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await wholeGallery(page);
  const weight = page.getByLabel('Weight');
  assert.equal(await weight.isVisible(), false);
  await page.locator('#words').fill('a red apple');
  await holds(page, "document.querySelector('#results .cosine') !== null");
  const byWords = await found(page);
  await handOver(page, 'drop', '#search-drop', [fileOf('violin')]);
  await weight.waitFor();
  await weight.fill('100');
  // Of its own vector: it may be first in the mixture too.
  await holds(page, "document.querySelector('#results .cosine').textContent === '1.000'");
  await isFirst(page, 'violin');
  const byPicture = await found(page);
  await weight.fill('0');
  await isFirst(page, byWords[0]!);
  assert.deepEqual(await found(page), byWords);
  await weight.fill('50');
  await holds(page, `document.querySelector('#results .name').textContent !== ${JSON.stringify(byWords[0])}`);
  const mixed = await found(page);
  assert.notDeepEqual(mixed, byPicture);
  assert.deepEqual(complaints, []);
});

test('words and pictures of the visitor are ranked, as /rank ranks them', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await page.getByRole('tab', { name: 'Rank' }).click();
  await holds(page, "document.querySelectorAll('#ranking .score').length === 4");
  await handOver(page, 'drop', '#ask-drop', [fileOf('red apple')]);
  await page.getByPlaceholder('add words').fill('a fruit');
  await page.keyboard.press('Enter');
  await handOver(page, 'drop', '#candidate-drop', [fileOf('red apple'), fileOf('violin')]);
  await holds(page, "document.querySelectorAll('#ranking .score').length === 7");
  const percents = (await page.locator('#ranking .score').allTextContents()).map((text) =>
    Number(text.slice(0, -2)),
  );
  assert.ok(Math.abs(percents.reduce((sum, percent) => sum + percent, 0) - 100) < 1, percents.join());
  const blob = (name: string) => ({ blob: fileOf(name).bytes.toString('base64') });
  const texts = ['a red apple', 'a green pear', 'a bicycle', 'a slice of cake', 'a fruit'];
  const matches = [...texts.map((text) => ({ text })), blob('red apple'), blob('violin')];
  const { body } = await server.post('/rank', { data: [{ ...blob('red apple'), matches }] });
  const expected = body.data[0].matches.map((match: { scores: { clip_score_cosine: { value: number } } }) =>
    match.scores.clip_score_cosine.value.toFixed(3),
  );
  assert.deepEqual(await page.locator('#ranking .cosine').allTextContents(), expected);
  assert.match((await page.locator('#ranked').textContent())!, /^red apple\.webp fits best, with /);
  await page.getByRole('button', { name: 'Remove a fruit' }).click();
  await holds(page, "document.querySelectorAll('#ranking .score').length === 6");
  await handOver(page, 'paste', 'body', [fileOf('monkey')]);
  await holds(page, "document.querySelectorAll('#ranking .score').length === 7");
  assert.deepEqual(complaints, []);
});
