import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { startMetricsListener } from '../../src/protocol/http/metrics-listener.ts';

test('the metrics listener answers on any path, to readers only', async () => {
  const metrics = new Metrics();
  metrics.requests.inc({ protocol: 'http', route: '/post', code: 'ok' });
  const options = { host: '127.0.0.1', pod: 'gateway' as const, metrics, log: silentLog };
  const listener = await startMetricsListener({ ...options, port: 0 });
  const url = `http://127.0.0.1:${listener.port}`;
  for (const path of ['/', '/metrics', '/any/thing']) {
    const response = await fetch(url + path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
    assert.match(await response.text(), /clip_requests_total\{protocol="http",route="\/post",code="ok"\} 1/);
  }
  const head = await fetch(url, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
  assert.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 405);
  await assert.rejects(startMetricsListener({ ...options, port: listener.port }), /EADDRINUSE/);
  await listener.close(0);
  await assert.rejects(fetch(url));
});
