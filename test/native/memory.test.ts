import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadAddon } from '../../src/native/addon.ts';

test('free memory is given back, and what is in use stays', async () => {
  const kept = Buffer.alloc(64 * 2 ** 20, 7);
  await loadAddon().trimMemory();
  assert.ok(kept.every((byte) => byte === 7));
});
