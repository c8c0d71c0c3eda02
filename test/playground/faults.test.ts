import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { openPlayground } from '../../src/playground/playground.ts';
import { startHttp } from '../../src/protocol/http/start.ts';
import { testModel } from '../models/test-model.ts';
import { FakeService, testConfig } from '../protocol/fake-service.ts';
import { serveModel } from '../server/start.ts';
import { handOver, holds, noBrowser, openBrowser, visit } from './chromium.ts';

const options = { skip: noBrowser, timeout: 120_000 };
const SHOWN = "!document.querySelector('#fault').hidden";
const NONE = "document.querySelector('#fault').hidden";

let browser: Browser;
if (!noBrowser) {
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());
}

test('what the server refuses is shown in its own words, until something succeeds', options, async (t) => {
  const server = await serveModel(await testModel('tiny'));
  t.after(() => server.close());
  const { page } = await visit(t, browser, server.url);
  const noPicture = { name: 'notes.txt', bytes: Buffer.from('{"not": "a picture"}'), type: 'text/plain' };
  const { body } = await server.post('/encode', { data: [{ blob: noPicture.bytes.toString('base64') }] });
  const { code, message } = body.data[0].error;
  const alert = page.getByRole('alert');
  await handOver(page, 'drop', '#search-drop', [noPicture]);
  await holds(page, SHOWN);
  assert.equal(await alert.textContent(), code + message);
  await page.getByRole('button', { name: 'Remove notes.txt' }).click();
  await holds(page, NONE);
  await page.getByRole('tab', { name: 'Rank' }).click();
  await handOver(page, 'drop', '#candidate-drop', [noPicture]);
  await holds(page, SHOWN);
  assert.equal(await alert.textContent(), code + message);
  await page.getByRole('button', { name: 'Remove notes.txt' }).click();
  await holds(page, `${NONE} && document.querySelectorAll('#ranking .score').length === 4`);
});

test('a server that stops is missed, and found again when it is back', options, async (t) => {
  const model = await testModel('tiny');
  // The other one cannot listen again at once where connections have just ended.
  const gateway = { http_server: 'node' };
  let server = await serveModel(model, { gateway });
  t.after(() => server.close());
  const { page } = await visit(t, browser, server.url);
  await server.close();
  await page.locator('#words').fill('a red apple');
  await holds(page, SHOWN);
  assert.match((await page.getByRole('alert').textContent())!, /^unreachableThe server cannot be reached/);
  await holds(page, "/cannot be reached/.test(document.querySelector('#state').textContent)");
  server = await serveModel(model, { gateway: { ...gateway, port: Number(new URL(server.url).port) } });
  await holds(page, "document.querySelector('#state').hidden");
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await holds(page, `${NONE} && document.querySelector('#results .cosine') !== null`);
});

test('a device that is offline is told so', options, async (t) => {
  const server = await serveModel(await testModel('tiny'));
  t.after(() => server.close());
  const { page } = await visit(t, browser, server.url);
  await page.context().setOffline(true);
  await holds(page, "document.querySelector('#state').textContent === 'This device is offline.'");
  await page.locator('#words').fill('a red apple');
  await holds(page, SHOWN);
  assert.equal(await page.getByRole('alert').textContent(), 'unreachableThis device is offline.');
  await page.context().setOffline(false);
  await holds(page, "document.querySelector('#state').hidden");
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await holds(page, NONE);
});

test('a server that is not ready says why, and the page goes on by itself once it is', options, async (t) => {
  const service = new FakeService();
  const reasons = ['the model is still being loaded'];
  const http = await startHttp({
    config: testConfig(),
    listener: { protocol: 'http', port: 0 },
    service,
    health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
    metrics: new Metrics(),
    log: silentLog,
    version: '1.2.3',
    certificates: undefined,
    playground: await openPlayground({ service, log: silentLog }),
  });
  t.after(() => http.close(0));
  const { page, complaints } = await visit(t, browser, `http://127.0.0.1:${http.address.port}/`);
  const notice = page.locator('#state');
  assert.equal(await notice.textContent(), 'The server is not ready: the model is still being loaded.');
  assert.equal(await page.locator('#facts').textContent(), '');
  reasons.pop();
  await holds(page, "document.querySelector('#state').hidden");
  assert.match((await page.locator('#facts').textContent())!, /fake::model/);
  assert.deepEqual(complaints, []);
});
