import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { onAbort, untilAborted } from '../../src/abort.ts';
import { ClipError } from '../../src/errors.ts';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('everyone who waits for a signal is called once, in order, by one listener beside those of others', () => {
  const client = new AbortController();
  const { signal } = client;
  const calls: string[] = [];
  signal.addEventListener('abort', () => calls.push('another'), { once: true });
  const leaves = ['a', 'b', 'c'].map((name) => onAbort(signal, () => calls.push(name)));
  assert.equal(listeners(signal), 2);
  leaves[1]!();
  client.abort();
  client.abort();
  for (const leave of leaves) leave();
  assert.deepEqual(calls, ['another', 'a', 'c']);
});

test('who left is not called, even where another leaves for it during the abort; the last takes the listener along', () => {
  const client = new AbortController();
  const { signal } = client;
  let called = 0;
  const first = onAbort(signal, () => second());
  const second = onAbort(signal, () => {
    called++;
  });
  client.abort();
  assert.equal(called, 0);
  first();
  const next = new AbortController();
  for (let round = 0; round < 2; round++) {
    const leaves = [1, 2].map(() => onAbort(next.signal, () => called++));
    assert.equal(listeners(next.signal), 1);
    for (const leave of leaves) leave();
    assert.equal(listeners(next.signal), 0);
  }
  onAbort(AbortSignal.abort(), () => called++)();
  assert.equal(called, 1);
});

test('a wait ends with the promise or the signal, and leaves nothing on the signal', async () => {
  const client = new AbortController();
  const { signal } = client;
  assert.equal(await untilAborted(Promise.resolve(1), signal), 1);
  await assert.rejects(untilAborted(Promise.reject(new Error('no')), signal), /no/);
  assert.equal(listeners(signal), 0);
  const waiting = untilAborted(new Promise(() => {}), signal);
  const reason = new ClipError('deadline_exceeded', 'late');
  client.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(untilAborted(Promise.reject(new Error('later')), signal), reason);
});
