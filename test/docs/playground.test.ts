import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/read.ts';
import { readPictures } from '../../src/playground/gallery-file.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const page = read('docs/playground.md');

test('the pictures are as many as the documents say', async () => {
  const { names } = await readPictures();
  const count = `${names.length.toLocaleString('en')} pictures`;
  for (const name of ['docs/playground.md', 'data/NOTICE.md']) assert.ok(read(name).includes(count), name);
});

test('the ports of the demo are those of its flow', async () => {
  const { gateway } = await readConfig({ argument: join(ROOT, 'flows/demo-flow.yml') }, {});
  const names = { http: 'HTTP', grpc: 'gRPC', websocket: 'WebSocket' };
  const ports = gateway.listeners.map(({ protocol, port }) => `${port} ${names[protocol]}`);
  assert.ok(page.includes(`Ports: ${ports.join(', ')}, as`), ports.join());
});

test('the flow of the document has the page, and one without it says so by the same key', async () => {
  const flow = /```yaml\n(.*?)```/s.exec(page)![1]!;
  assert.equal((await readConfig({ argument: flow }, {})).gateway.playground, true);
  const without = flow.replace('playground: true', 'playground: false');
  assert.equal((await readConfig({ argument: without }, {})).gateway.playground, false);
});
