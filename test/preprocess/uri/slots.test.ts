import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from '../../../src/preprocess/uri/slots.ts';
import { failsWith, never } from './loopback.ts';

/** Asks for slots in order and notes who holds one. */
function ask(slots: Slots, ...names: string[]): string[] {
  const holders: string[] = [];
  for (const name of names) void slots.acquire(name[0]!, never).then(() => holders.push(name));
  return holders;
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('as many as the total hold a slot, the next waits for a release', async () => {
  const slots = new Slots(3, 3);
  const holders = ask(slots, 'a1', 'b1', 'a2', 'b2', 'a3');
  await settled();
  assert.deepEqual(holders, ['a1', 'b1', 'a2']);
  slots.release('a');
  await settled();
  assert.deepEqual(holders, ['a1', 'b1', 'a2', 'b2']);
});

test('a busy key holds up only itself', async () => {
  const slots = new Slots(10, 2);
  const holders = ask(slots, 'a1', 'a2', 'a3', 'b1', 'a4');
  await settled();
  assert.deepEqual(holders, ['a1', 'a2', 'b1']);
  slots.release('b');
  slots.release('a');
  await settled();
  assert.deepEqual(holders, ['a1', 'a2', 'b1', 'a3']);
});

test('one who leaves the queue takes no slot', async () => {
  const slots = new Slots(1, 1);
  const holders = ask(slots, 'a1');
  const leaver = new AbortController();
  const left = slots.acquire('a', leaver.signal);
  holders.push(...ask(slots, 'a2'));
  leaver.abort();
  await failsWith('cancelled', left);
  await failsWith('cancelled', slots.acquire('b', leaver.signal));
  slots.release('a');
  let granted = false;
  void slots.acquire('a', never).then(() => {
    granted = true;
  });
  await settled();
  assert.equal(granted, false);
  slots.release('a');
  await settled();
  assert.equal(granted, true);
});
