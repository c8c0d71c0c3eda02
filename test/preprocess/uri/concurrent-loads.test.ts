import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { ClipError } from '../../../src/errors.ts';
import { failsWith, limitCount, makeLoader, never, type Served, serve, turns } from './loopback.ts';

const BODY = Buffer.alloc(300, 'pixels');
let served: Served;
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
let requests: IncomingMessage[] = [];
before(async () => {
  served = await serve((incoming, response) => {
    requests.push(incoming);
    answer(incoming, response);
  });
});
beforeEach(() => {
  requests = [];
});
after(() => served.close());
const url = (path = '/a.png') => served.origin + path;

/** Answers that wait until they are told to go. */
function heldAnswers() {
  const held: ServerResponse[] = [];
  answer = (_, response) => {
    held.push(response);
    served.server.emit('held');
  };
  const reach = async (count: number) => {
    while (held.length < count) await once(served.server, 'held');
  };
  return { held, reach };
}

test('one URL asked for a hundred times at once is fetched once', async () => {
  const { held, reach } = heldAnswers();
  const { loader } = makeLoader();
  const loads = Array.from({ length: 100 }, () => loader.load(url('/same'), new AbortController().signal));
  await reach(1);
  held[0]!.end(BODY);
  for (const bytes of await Promise.all(loads)) assert.deepEqual(bytes, BODY);
  assert.equal(requests.length, 1);
  answer = (_, response) => response.end('again');
  assert.equal(Buffer.from(await loader.load(url('/same'), never)).toString(), 'again');
});

test('one of several may leave, and the others get the picture', async () => {
  const { held, reach } = heldAnswers();
  const { loader } = makeLoader();
  const leaver = new AbortController();
  const left = loader.load(url('/stay#a'), leaver.signal);
  const stays = loader.load(url('/stay#b'), never);
  await reach(1);
  leaver.abort();
  await failsWith('cancelled', left);
  held[0]!.end(BODY);
  assert.deepEqual(await stays, BODY);
  assert.equal(requests.length, 1);
});

test('the end of an abandoned fetch does not touch its successor', async () => {
  const { held, reach } = heldAnswers();
  const { loader } = makeLoader();
  const leaver = new AbortController();
  const left = loader.load(url('/again'), leaver.signal);
  await reach(1);
  leaver.abort();
  const second = loader.load(url('/again'), never);
  await failsWith('cancelled', left);
  await reach(2);
  const third = loader.load(url('/again'), never);
  held[1]!.end(BODY);
  assert.deepEqual(await Promise.all([second, third]), [BODY, BODY]);
  assert.equal(requests.length, 2);
});

test('the fetch ends when the last has left', async () => {
  const { held, reach } = heldAnswers();
  const { loader } = makeLoader();
  const [first, second] = [new AbortController(), new AbortController()];
  const loads = [first, second].map(({ signal }) => loader.load(url('/left'), signal));
  await reach(1);
  first.abort();
  await failsWith('cancelled', loads[0]!);
  second.abort(new ClipError('deadline_exceeded', 'late'));
  await failsWith('deadline_exceeded', loads[1]!);
  if (!held[0]!.closed) await once(held[0]!, 'close');
  const next = loader.load(url('/left'), never);
  await reach(2);
  held[1]!.end(BODY);
  assert.deepEqual(await next, BODY);
  await failsWith('cancelled', loader.load(url('/left'), first.signal));
});

test('no more than the limits are under way, in all and to one host', async () => {
  for (const [fetch, bound] of [
    [{ concurrency: 3, perHost: 8 }, 3],
    [{ concurrency: 50, perHost: 2 }, 2],
  ] as const) {
    const { held, reach } = heldAnswers();
    const { loader } = makeLoader({ fetch });
    const loads = Array.from({ length: 7 }, (_, i) => loader.load(url(`/${i}`), never));
    for (let done = 0; done < loads.length; done++) {
      await reach(Math.min(done + bound, loads.length));
      await turns(20);
      assert.ok(held.length - done <= bound);
      held[done]!.end(BODY);
      await loads[done];
    }
  }
});

test('waiting for a slot has a bound and can be aborted', async () => {
  const { held, reach } = heldAnswers();
  const { loader, metrics } = makeLoader({ fetch: { perHost: 1 }, limits: { queueMs: 60 } });
  const first = loader.load(url('/0'), never);
  await reach(1);
  const controller = new AbortController();
  const left = loader.load(url('/1'), controller.signal);
  controller.abort();
  await failsWith('cancelled', left);
  await failsWith('queue_timeout', loader.load(url('/2'), never));
  assert.equal(await limitCount(metrics, 'queue_ms'), 1);
  held[0]!.end(BODY);
  await first;
  assert.equal(requests.length, 1);
});

test('close ends what is under way and refuses what comes later', async () => {
  const { held, reach } = heldAnswers();
  const { loader } = makeLoader({ fetch: { perHost: 1 } });
  const loads = ['/0', '/1'].map((path) => failsWith('draining', loader.load(url(path), never)));
  await reach(1);
  await loader.close();
  await Promise.all(loads);
  if (!held[0]!.closed) await once(held[0]!, 'close');
  await failsWith('draining', loader.load(url('/2'), never));
});
