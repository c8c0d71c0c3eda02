import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { serveModel, type TestServer } from '../server/start.ts';
import { found, handOver, holds, noBrowser, openBrowser, visit, wholeGallery } from './chromium.ts';

// What a newcomer sees first: the model that is shipped, on the page.
const MODEL = resolve(import.meta.dirname, '../../models/emoji-clip');
const OPENMOJI = join(import.meta.dirname, 'openmoji');
/** Of the strange vendor's pictures, those whose kin must be among the first ten. */
const KIN = 2 / 3;

const skip = noBrowser;
const options = { skip, timeout: 120_000 };

let browser: Browser;
let server: TestServer;
if (!skip) {
  before(async () => {
    browser = await openBrowser();
    server = await serveModel(MODEL);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}

test('typing "red apple" shows apples first', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await wholeGallery(page);
  await page.locator('#words').fill('red apple');
  await holds(page, "document.querySelector('#results .cosine') !== null");
  const names = await found(page);
  assert.match(names[0]!, /apple$/, names.slice(0, 5).join());
  assert.ok(names.slice(0, 5).includes('red apple'), names.slice(0, 5).join());
  assert.match((await page.locator('#facts').textContent())!, /emoji-clip/);
  assert.deepEqual(complaints, []);
});

test('dropped pictures of a vendor that the model never saw find their kin', options, async (t) => {
  const { page } = await visit(t, browser, server.url);
  await wholeGallery(page);
  const files = readdirSync(OPENMOJI).filter((name) => name.endsWith('.png'));
  const missed: string[] = [];
  for (const file of files) {
    await page.evaluate("document.querySelector('#results').firstChild.className = 'before'");
    await handOver(page, 'drop', '#search-drop', [
      { name: file, bytes: readFileSync(join(OPENMOJI, file)), type: 'image/png' },
    ]);
    await holds(page, "document.querySelector('#results .before') === null");
    const name = file.replace('.png', '');
    const first = (await found(page)).slice(0, 10);
    if (!first.includes(name)) missed.push(`${name}: ${first.join()}`);
  }
  assert.ok(files.length >= 10, `${files.length} pictures`);
  assert.ok(missed.length <= files.length * (1 - KIN), missed.join('\n'));
});
