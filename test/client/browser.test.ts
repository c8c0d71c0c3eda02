import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { vectorOf } from '../protocol/fake-service.ts';
import { openRig } from './rig.ts';

const found = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const skip = found === undefined && 'no chromium, chromium-browser or google-chrome on the PATH';

/** Its base64 has both characters that a name of a sub-protocol may not have. */
const KEY = 'key-with->>>~~~???';
/** What the page does; it reports by POST. */
const page = (urls: readonly string[]) => `
import { Client } from ${JSON.stringify(resolve(import.meta.dirname, '../../src/client/browser.ts'))};
const told = {};
try {
  for (const url of ${JSON.stringify(urls)}) {
    const client = new Client(url, { apiKey: ${JSON.stringify(KEY)}, retry: { attempts: 1 } });
    const vectors = await client.encode(['äpfel', new Blob([Uint8Array.of(1, 2, 3)])]);
    const [best] = await client.rank('q', ['a', 'bb']);
    told[url] = { vectors: vectors.map((vector) => Array.from(vector)), best: best.index };
    await client.close();
  }
} catch (error) {
  told.error = String(error.stack);
}
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });`;

/** tsx brings esbuild. */
async function bundle(code: string): Promise<string> {
  const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild');
  const { outputFiles } = await esbuild.build({
    stdin: { contents: code, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  return outputFiles[0].text;
}

test('a page in Chromium encodes over HTTP and WebSocket, with an API key', {
  skip,
  timeout: 60_000,
}, async () => {
  await using rig = await openRig([KEY]);
  const urls = [rig.url('http'), rig.url('ws')];
  const script = await bundle(page(urls));
  const folder = await mkdtemp(join(tmpdir(), 'clip-chromium-'));
  let tell: (body: string) => void = () => {};
  const told = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const site = createServer(async (request, response) => {
    if (request.method === 'POST') {
      let body = '';
      for await (const chunk of request) body += chunk;
      tell(body);
    }
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<meta charset="utf-8"><script type="module">${script}</script>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = site.address() as { port: number };
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}`];
  const browser = spawn(found!, [...flags, `http://127.0.0.1:${port}/`], { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  try {
    const answer = JSON.parse(await told);
    const vectors = [
      vectorOf({ kind: 'text', text: 'äpfel' }),
      vectorOf({ kind: 'image', bytes: Uint8Array.of(1, 2, 3) }),
    ].map((vector) => Array.from(vector));
    const expected = { vectors, best: 1 };
    assert.deepEqual(answer, Object.fromEntries(urls.map((url) => [url, expected])));
  } finally {
    browser.kill('SIGKILL');
    await ended;
    site.closeAllConnections();
    site.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
