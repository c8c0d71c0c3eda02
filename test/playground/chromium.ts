import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => spawnSync(path, ['--version']).status === 0,
);

/** Why tests that need a browser are skipped; false where there is one. */
export const noBrowser =
  executablePath === undefined && 'no chromium, chromium-browser or google-chrome in /usr/bin';

/** A busy machine is slow; a page that hangs is noticed nevertheless. */
const WAIT_MS = 30_000;

/** Runs in the page: as text, for there is no DOM in the types of these tests. */
const IN_PAGE = `
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  console.error('policy ' + violatedDirective + ': ' + blockedURI));
globalThis.handOver = (event, selector, files) => {
  const transfer = new DataTransfer();
  for (const { name, type, base64 } of files) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const how = { bubbles: true, cancelable: true };
  document.querySelector(selector).dispatchEvent(event === 'drop'
    ? new DragEvent('drop', { dataTransfer: transfer, ...how })
    : new ClipboardEvent('paste', { clipboardData: transfer, ...how }));
};`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox', '--disable-gpu'] });
}

export interface Visit {
  readonly page: Page;
  /** What the console, the page and its security policy complained of. */
  readonly complaints: string[];
  /** Addresses that were asked for. */
  readonly asked: Set<string>;
}

/** The page in a window of its own, which ends with the test. */
export async function visit(
  t: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  const asked = new Set<string>();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.add(request.url()));
  await page.addInitScript({ content: IN_PAGE });
  await page.goto(url);
  await holds(page, "document.querySelectorAll('#results img').length > 0");
  return { page, complaints, asked };
}

/** Waits until an expression of the page is true. Playwright's own wait evaluates it in the page, whose policy forbids that. */
export async function holds(page: Page, expression: string): Promise<void> {
  const wait = `new Promise((resolve) => {
    const until = performance.now() + ${WAIT_MS};
    const look = () => {
      const isTrue = Boolean(${expression});
      if (isTrue || performance.now() > until) resolve(isTrue);
      else setTimeout(look, 20);
    };
    look();
  })`;
  const isTrue = await page.evaluate(wait);
  assert.ok(isTrue, `the page waits in vain for ${expression}`);
}

/** Waits until the whole gallery is searched. */
export function wholeGallery(page: Page): Promise<void> {
  return holds(page, "document.querySelector('#embedding').hidden");
}

/** Waits until a picture of this name is found first. */
export function isFirst(page: Page, name: string): Promise<void> {
  const first = "document.querySelector('#results .name')?.textContent";
  return holds(page, `${first} === ${JSON.stringify(name)}`);
}

/** Names of the pictures found, best first. */
export function found(page: Page): Promise<string[]> {
  return page.locator('#results .name').allTextContents();
}

export interface GivenFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly type?: string;
}

/** Drops files on an element, or pastes them there. */
export async function handOver(
  page: Page,
  event: 'drop' | 'paste',
  selector: string,
  files: readonly GivenFile[],
): Promise<void> {
  const given = files.map(({ name, bytes, type = 'image/webp' }) => {
    return { name, type, base64: bytes.toString('base64') };
  });
  await page.evaluate(`handOver(${[event, selector, given].map((value) => JSON.stringify(value)).join()})`);
}
