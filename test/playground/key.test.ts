import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { testModel } from '../models/test-model.ts';
import { serveModel } from '../server/start.ts';
import { holds, noBrowser, openBrowser } from './chromium.ts';

const KEY = 'open-sesame-0123456789';
const WAIT_MS = 30_000;

let browser: Browser;
if (!noBrowser) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());
}

test('where the server wants a key the page asks for it, sends it, and shows it nowhere', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const server = await serveModel(await testModel('tiny'), { gateway: { api_keys: [KEY] } });
  t.after(() => server.close());
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(server.url);
  const field = page.getByLabel('This server asks for an API key');
  await field.fill('not-this-one-0123456789');
  await page.keyboard.press('Enter');
  await holds(
    page,
    "/API key of this server, got another/.test(document.querySelector('#state').textContent)",
  );
  await field.fill(KEY);
  await page.keyboard.press('Enter');
  await field.waitFor({ state: 'hidden' });
  await holds(page, "document.querySelectorAll('#results img').length > 0");
  await page.locator('#words').fill('a red apple');
  await holds(page, "document.querySelector('#results .cosine') !== null");
  assert.ok(!(await page.content()).includes(KEY), 'the key is not on the page');
  const curl = (await page.locator('#panel-curl code').textContent())!;
  const env = { ...process.env, CLIP_AUTH_TOKEN: KEY };
  const { stdout } = await promisify(execFile)('bash', ['-c', curl], { env });
  assert.equal(JSON.parse(stdout).data[0].embedding.length, 32);
  assert.match(
    (await page.locator('#panel-python code').textContent())!,
    /^# CLIP_AUTH_TOKEN holds the key\.$/m,
  );
});
