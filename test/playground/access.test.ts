import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { testModel } from '../models/test-model.ts';
import { serveModel, type TestServer } from '../server/start.ts';
import { found, holds, noBrowser, openBrowser, visit, wholeGallery } from './chromium.ts';

const options = { skip: noBrowser, timeout: 120_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

let browser: Browser;
let server: TestServer;
if (!noBrowser) {
  before(async () => {
    browser = await openBrowser();
    server = await serveModel(await testModel('tiny'));
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}

/** What axe-core finds, as `rule: element`. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations, passes } = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(rules)} })`)) as {
    violations: { id: string; nodes: { html: string }[] }[];
    passes: unknown[];
  };
  assert.ok(passes.length > 20, `${passes.length} rules had something to look at`);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

for (const colorScheme of ['light', 'dark'] as const)
  for (const [name, viewport] of Object.entries({ desk: {}, phone: PHONE }))
    test(`axe-core finds nothing, ${colorScheme}, ${name}`, options, async (t) => {
      const { page } = await visit(t, browser, server.url, {
        ...viewport,
        colorScheme,
        reducedMotion: 'reduce',
      });
      await wholeGallery(page);
      assert.deepEqual(await barriers(page), []);
      await page.locator('#words').fill('a red apple');
      await holds(page, "document.querySelector('#results .cosine') !== null");
      await page.locator('#results button').first().click();
      await page.locator('#words').fill('a red apple');
      await page.locator('#mix').waitFor();
      assert.deepEqual(await barriers(page), []);
      await page.getByRole('tab', { name: 'Rank' }).click();
      await holds(page, "document.querySelectorAll('#ranking .score').length === 4");
      await page
        .locator('#candidate-drop input')
        .setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') });
      await page.getByRole('alert').waitFor();
      assert.deepEqual(await barriers(page), []);
    });

test('everything can be done by the keyboard alone, and the focus is always seen', options, async (t) => {
  const { page, complaints } = await visit(t, browser, server.url);
  await wholeGallery(page);
  const focused = () =>
    page.evaluate(`(() => {
      const { id, textContent, ariaLabel, className } = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return { id, className, text: ariaLabel ?? textContent.trim(), seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
    })()`) as Promise<{ id: string; className: string; text: string; seen: boolean }>;
  const tabTo = async (
    holds: (at: { id: string; className: string; text: string }) => boolean,
    key = 'Tab',
  ) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press(key);
      const at = await focused();
      assert.ok(at.seen, `the focus on ${JSON.stringify(at)} is seen`);
      if (holds(at)) return at;
    }
    return assert.fail('60 steps did not lead there');
  };
  assert.equal((await tabTo(() => true)).text, 'Skip to the search');
  await page.keyboard.press('Enter');
  await tabTo(({ id }) => id === 'tab-search');
  await tabTo(({ id }) => id === 'words');
  await page.keyboard.type('a red apple');
  await page.keyboard.press('Enter');
  await holds(page, "document.querySelector('#results .cosine') !== null");
  const [first] = await found(page);
  await tabTo(({ text }) => text.startsWith(first!));
  await page.keyboard.press('Enter');
  await holds(page, "document.querySelector('#results .cosine').textContent === '1.000'");
  assert.ok((await focused()).text.startsWith(first!), 'the focus stays among the pictures');
  await tabTo(({ className }) => className === 'remove', 'Shift+Tab');
  await page.keyboard.press('Enter');
  assert.equal((await focused()).text, 'Choose a picture');
  await tabTo(({ id }) => id === 'tab-search', 'Shift+Tab');
  await page.keyboard.press('ArrowRight');
  assert.equal((await focused()).id, 'tab-rank');
  await holds(page, "document.querySelectorAll('#ranking .score').length === 4");
  await tabTo(({ id }) => id === 'candidate');
  await page.keyboard.type('a fruit');
  await page.keyboard.press('Enter');
  await holds(page, "document.querySelectorAll('#ranking .score').length === 5");
  await tabTo(({ text }) => text === 'Remove a fruit');
  await page.keyboard.press('Enter');
  await holds(page, "document.querySelectorAll('#ranking .score').length === 4");
  assert.match((await focused()).text, /^Remove /);
  await tabTo(({ id }) => id === 'tab-curl');
  await page.keyboard.press('End');
  assert.equal((await focused()).id, 'tab-typescript');
  assert.equal(await page.locator('#panel-typescript').isVisible(), true);
  assert.deepEqual(complaints, []);
});

test('at the width of a phone nothing is cut off to the side', options, async (t) => {
  for (const width of [320, 360, 412]) {
    const { page } = await visit(t, browser, server.url, { ...PHONE, viewport: { width, height: 740 } });
    const overflow = () =>
      page.evaluate('document.documentElement.scrollWidth - innerWidth') as Promise<number>;
    await page.locator('#words').fill('Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen'.repeat(3));
    await holds(page, "document.querySelector('#results .cosine') !== null");
    await page.locator('#results button').first().click();
    await page.locator('#words').fill('a red apple');
    await page.locator('#mix').waitFor();
    assert.equal(await overflow(), 0, `searching at ${width}`);
    await page.getByRole('tab', { name: 'Rank' }).click();
    await page
      .getByPlaceholder('add words')
      .fill('Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz'.repeat(3));
    await page.keyboard.press('Enter');
    await holds(page, "document.querySelectorAll('#ranking .score').length === 5");
    assert.equal(await overflow(), 0, `ranking at ${width}`);
  }
});

test(
  'what changes is announced: results, a ranking and faults are live, and all have their labels',
  options,
  async (t) => {
    const { page } = await visit(t, browser, server.url);
    for (const id of ['found', 'ranked', 'measured']) {
      assert.equal(await page.locator(`#${id}`).getAttribute('role'), 'status');
      assert.equal(await page.locator(`#${id}`).getAttribute('aria-live'), 'polite');
    }
    await page.getByRole('search', { name: 'The gallery' }).waitFor();
    await page.getByRole('list', { name: 'Pictures found, best first' }).waitFor();
    await page.getByRole('searchbox', { name: 'Describe what you look for' }).waitFor();
    await page.getByRole('complementary', { name: 'The request' }).waitFor();
    await page.getByRole('tab', { name: 'Rank' }).click();
    await page.getByRole('textbox', { name: 'Among these words and pictures' }).waitFor();
    await page.getByRole('tabpanel', { name: 'Rank' }).waitFor();
  },
);
