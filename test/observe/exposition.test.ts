import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposition, type Family } from '../../src/observe/exposition.ts';
import { Metrics } from '../../src/observe/metrics.ts';

const FAMILIES: Family[] = [
  {
    name: 'a',
    help: 'One\\two\nlines.',
    type: 'counter',
    samples: [
      { name: 'a_total', labels: { x: '1"\\\n' }, value: 3 },
      { name: 'a_created', labels: { x: '1"\\\n' }, value: 1.5 },
    ],
  },
  {
    name: 'h',
    help: 'H',
    type: 'histogram',
    samples: [
      { name: 'h_bucket', labels: { le: 1 }, value: 0 },
      { name: 'h_bucket', labels: { le: 2.5 }, value: 1 },
      { name: 'h_bucket', labels: { le: '+Inf' }, value: 1 },
      { name: 'h_sum', labels: {}, value: Number.POSITIVE_INFINITY },
      { name: 'h_count', labels: {}, value: 1 },
    ],
  },
];

test("the text format keeps a counter's suffix and gives _created a family of its own", () => {
  const { contentType, body } = exposition(FAMILIES, 'text/plain');
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  assert.deepEqual(body.split('\n'), [
    '# HELP a_total One\\\\two\\nlines.',
    '# TYPE a_total counter',
    'a_total{x="1\\"\\\\\\n"} 3',
    '# HELP a_created One\\\\two\\nlines.',
    '# TYPE a_created gauge',
    'a_created{x="1\\"\\\\\\n"} 1.5',
    '# HELP h H',
    '# TYPE h histogram',
    'h_bucket{le="1"} 0',
    'h_bucket{le="2.5"} 1',
    'h_bucket{le="+Inf"} 1',
    'h_sum +Inf',
    'h_count 1',
    '',
  ]);
});

test('OpenMetrics names the family without the suffix, writes bounds as floats, and ends with # EOF', () => {
  const { contentType, body } = exposition(FAMILIES, 'application/openmetrics-text');
  assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.deepEqual(body.split('\n'), [
    '# HELP a One\\\\two\\nlines.',
    '# TYPE a counter',
    'a_total{x="1\\"\\\\\\n"} 3',
    'a_created{x="1\\"\\\\\\n"} 1.5',
    '# HELP h H',
    '# TYPE h histogram',
    'h_bucket{le="1.0"} 0',
    'h_bucket{le="2.5"} 1',
    'h_bucket{le="+Inf"} 1',
    'h_sum +Inf',
    'h_count 1',
    '# EOF',
    '',
  ]);
});

test('the format is the one that the scraper prefers', () => {
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  for (const [accept, open] of [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/html', false],
    [prometheus, true],
    ['Application/OpenMetrics-Text; version=0.0.1', true],
    ['application/openmetrics-text;q=0.2, text/plain;q=0.9', false],
    ['application/openmetrics-text;q=0', false],
  ] as const)
    assert.equal(exposition([], accept).body.endsWith('# EOF\n'), open, accept);
});

test('asking for one format changes nothing in the next page of the other', async () => {
  const metrics = new Metrics();
  metrics.requests.inc({ protocol: 'http', route: '/', code: 'ok' });
  metrics.queueSeconds.observe({ tower: 'text' }, 1);
  const text = async () => (await metrics.page('text/plain')).body.replace(/^jina_\S+_created.*\n/gm, '');
  const before = await text();
  await metrics.page('application/openmetrics-text');
  assert.equal(await text(), before);
  assert.match(before, /^# TYPE clip_requests_total counter$/m);
});

test("our own metrics read as prom-client's own text does", async () => {
  const metrics = new Metrics();
  metrics.requests.inc({ protocol: 'http', route: '/a"b', code: 'ok' }, 2);
  metrics.queueSeconds.observe({ tower: 'text' }, 0.3);
  metrics.queueLength.set({ tower: 'text' }, 4);
  const lines = (text: string) => text.split('\n').filter((line) => line.startsWith('clip_'));
  assert.deepEqual(lines(await metrics.text()), lines(await metrics.registry.metrics()));
});
