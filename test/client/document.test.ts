import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENT_ERRORS } from '../../src/client/error.ts';
import { settingsFrom } from '../../src/client/options.ts';
import { openRig } from './rig.ts';

const document = await readFile(new URL('../../docs/client.md', import.meta.url), 'utf8');

test('the example of the document runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clip-client-'));
  const rig = await openRig();
  try {
    await writeFile(join(folder, 'apple.jpg'), 'a picture');
    const entry = new URL('../../src/client/node.ts', import.meta.url).pathname;
    const code = /```ts\n(.*?)```/s
      .exec(document)![1]!
      .replace('clip-server/client', entry)
      .replace('grpc://localhost:51000', rig.url('grpc'))
      .replaceAll('apple.jpg', join(folder, 'apple.jpg'))
      .replace('console.log(', 'globalThis.told = [')
      .replace('cosine);', 'cosine];');
    await writeFile(join(folder, 'example.mjs'), code);
    await import(join(folder, 'example.mjs'));
    const { told } = globalThis as unknown as { told: number[] };
    assert.equal(told.length, 4);
    assert.equal(told[0], 4);
    assert.ok(told.every(Number.isFinite));
  } finally {
    await rig[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
});

test('the document names every option with its default, and every code', () => {
  const { retry, timeoutMs, batchSize, concurrency } = settingsFrom({});
  const row = (name: string) => new RegExp(`^\\| \`${name}\` +\\| ([\\d,]+)`, 'm').exec(document)?.[1];
  const shown = (name: string) => Number(row(name)?.replaceAll(',', ''));
  assert.deepEqual(
    ['timeoutMs', 'batchSize', 'concurrency', 'retry.attempts', 'retry.minMs', 'retry.maxMs'].map(shown),
    [timeoutMs, batchSize, concurrency, retry.attempts, retry.minMs, retry.maxMs],
  );
  for (const code of Object.keys(CLIENT_ERRORS)) assert.ok(document.includes(`\`${code}\``), code);
});
