import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Metrics } from '../../src/observe/metrics.ts';
import { testModel } from '../models/test-model.ts';
import { skipPrometheus } from '../observe/prometheus.ts';
import { serveModel } from '../server/start.ts';

const run = promisify(execFile);
const document = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');

function block(language: string, part: string): string {
  const blocks = [...document.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))];
  return blocks.map(([, text]) => text!).find((text) => text.includes(part))!;
}

test('docs/monitoring.md names every metric with its type, and no other', async () => {
  const metrics = new Metrics();
  metrics.jina.endpoint('/');
  metrics.jina.processing('/default');
  for (const tower of ['text', 'image'] as const) metrics.ran(tower, 1);
  const own = (await metrics.registry.getMetricsAsJSON()).map(({ name, type }) => `${name} ${type}`);
  const jina = metrics.jina.families().map(({ name, type }) => `${name} ${type}`);
  const written = [...document.matchAll(/^\| (`(?:clip|jina)_[^|]*?) *\| (\w+) /gm)].flatMap(
    ([, names, type]) => [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => `${name} ${type}`),
  );
  assert.deepEqual(written.sort(), [...own, ...jina].sort());
});

test('the metrics port of docs/monitoring.md answers its command', async () => {
  const server = await serveModel(await testModel('tiny'), {
    gateway: { monitoring: true, port_monitoring: 0 },
  });
  try {
    const command = block('sh', 'curl').replace(
      'localhost:9090',
      `127.0.0.1:${server.server.metricsPorts[0]}`,
    );
    const { stdout } = await run('bash', ['-c', command]);
    assert.match(stdout, /^jina_receiving_request_seconds_count\{runtime_name="gateway\/rep-0"\} 0$/m);
    assert.match(stdout, /^clip_replicas\{/m);
  } finally {
    await server.close();
  }
});

test('the scrape configuration of docs/monitoring.md is one', { skip: skipPrometheus }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clip-scrape-'));
  try {
    writeFileSync(join(folder, 'prometheus.yml'), block('yaml', 'scrape_configs'));
    execFileSync('promtool', ['check', 'config', join(folder, 'prometheus.yml')], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
