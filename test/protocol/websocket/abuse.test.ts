import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { dataRequest, requestIdOf } from './data-request.ts';
import { BINARY, CONTINUATION, FrameClient, frame, PING, PONG, TEXT } from './frames.ts';
import { limit, on, type Rig, turns } from './rig.ts';

/** That others are served while, and after, one client misbehaves. */
async function unharmed(rig: Rig, misbehave: () => Promise<void>): Promise<void> {
  const other = await rig.connect('bytes');
  let over = false;
  const done = misbehave().finally(() => {
    over = true;
  });
  for (let i = 0; i < 5 || !over; i += 1) {
    other.send(dataRequest(`${i}`, ['x']));
    assert.equal((await other.take(1)).map(requestIdOf).join(), `${i}`);
    await turns(1);
  }
  await done;
  other.socket.close();
  await other.closed;
  while ((await rig.count('clip_streams{protocol="websocket"}')) > 0) await turns(1);
  assert.equal(rig.service.open, 0);
  assert.equal(rig.service.doubleReleases, 0);
}

for (const [name, length, code] of [
  ['just below', 999, 1000],
  ['at', 1000, 1000],
  ['just above', 1001, 1009],
  ['far above', 2 ** 40, 1009],
] as const) {
  on(
    `a message of a length ${name} the limit: ${code}`,
    (rig) =>
      unharmed(rig, async () => {
        const client = await FrameClient.open(rig.port, 'json');
        const text = '{"data":[]}'.padEnd(Math.min(length, 2000));
        client.send(frame(TEXT, text, { length }));
        if (code === 1000) {
          assert.equal((await client.frame())?.opcode, TEXT);
          client.send(frame(TEXT, '{}'));
        }
        assert.equal(await client.closeCode(), code);
        assert.equal(await rig.count(limit('request_bytes')), code === 1000 ? 0 : 1);
        client.destroy();
      }),
    { limits: { requestBytes: 1000 } },
  );
}

on(
  'fragments whose sum passes the limit: 1009',
  (rig) =>
    unharmed(rig, async () => {
      const client = await FrameClient.open(rig.port, 'bytes');
      client.send(frame(BINARY, 'x'.repeat(600), { fin: false }));
      client.send(frame(CONTINUATION, 'x'.repeat(600), { fin: false }));
      assert.equal(await client.closeCode(), 1009);
      client.destroy();
    }),
  { limits: { requestBytes: 1000 } },
);

for (const [count, code] of [
  [8, 1000],
  [9, 1008],
  [100_000, 1008],
] as const) {
  on(
    `a message in ${count} fragments, of which 8 are allowed: ${code}`,
    (rig) =>
      unharmed(rig, async () => {
        const client = await FrameClient.open(rig.port, 'json');
        const text = '{"data":[]}';
        client.send(frame(TEXT, text, { fin: false }));
        const piece = frame(CONTINUATION, '', { fin: false });
        client.send(Buffer.concat(Array.from({ length: count - 2 }, () => piece)));
        client.send(frame(CONTINUATION));
        if (code === 1000) {
          assert.equal((await client.frame())?.opcode, TEXT);
          client.send(frame(TEXT, '{}'));
        }
        assert.equal(await client.closeCode(), code);
        assert.equal(await rig.count(limit('message_fragments')), code === 1000 ? 0 : 1);
        client.destroy();
      }),
    { limits: { messageFragments: 8 } },
  );
}

on(
  'a message that never ends is cut off by the time it takes, pings or not',
  (rig) =>
    unharmed(rig, async () => {
      const client = await FrameClient.open(rig.port, 'bytes');
      client.send(frame(BINARY, 'x', { fin: false }));
      const drip = setInterval(() => {
        client.send(frame(CONTINUATION, 'x', { fin: false }));
        client.send(frame(PONG));
      }, 5);
      assert.equal(await client.closeCode(), 1008);
      clearInterval(drip);
      assert.equal(await rig.count(limit('body_ms')), 1);
      await client.closed;
    }),
  { limits: { bodyMs: 100, pingsPerSecond: 10_000 } },
);

on(
  'a frame that stops in the middle is cut off; a slow one that keeps the rate is not, nor an idle client',
  async (rig) => {
    const idle = await rig.connect('bytes');
    idle.send(dataRequest('before', ['x']));
    await idle.take(1);
    const stopped = await FrameClient.open(rig.port, 'bytes');
    stopped.send(frame(BINARY, 'x'.repeat(1000), { length: 5000 }));
    const steady = await FrameClient.open(rig.port, 'bytes');
    const message = frame(BINARY, dataRequest('steady', ['y'.repeat(60_000)]));
    const sending = (async () => {
      // 12 windows' worth of bytes, two in each window.
      for (let at = 0; at < message.length; at += 5000) {
        steady.send(message.subarray(at, at + 5000));
        await wait(50);
      }
    })();
    assert.equal(await stopped.closeCode(), 1008);
    await sending;
    assert.equal(requestIdOf((await steady.frame())!.payload), 'steady');
    idle.send(dataRequest('after', ['x']));
    assert.equal((await idle.take(1)).map(requestIdOf).join(), 'after');
    assert.equal(await rig.count(limit('body_ms')), 1);
    stopped.destroy();
    steady.destroy();
  },
  { limits: { bodyMs: 300 } },
);

on(
  'unfinished messages of all clients together have a bound: 1013',
  (rig) =>
    unharmed(rig, async () => {
      const half = frame(BINARY, 'x'.repeat(60_000), { length: 120_000 });
      const clients = await Promise.all([1, 2, 3].map(() => FrameClient.open(rig.port, 'bytes')));
      for (const client of clients) client.send(half);
      const first = await Promise.race(clients.map((client) => client.closeCode()));
      assert.equal(first, 1013);
      assert.equal(await rig.count(limit('receive_bytes')), 1);
      for (const client of clients) client.destroy();
      while ((await rig.count('clip_streams{protocol="websocket"}')) > 1) await turns(1);
      // What they held is given back.
      const next = await rig.connect('bytes');
      next.send(dataRequest('next', ['y'.repeat(120_000)]));
      assert.equal((await next.take(1)).map(requestIdOf).join(), 'next');
      next.socket.close();
    }),
  { limits: { receiveBytes: 160_000, requestBytes: 200_000 } },
);

on(
  'pings are answered up to the limit, a flood ends with 1013 and is not read any more',
  (rig) =>
    unharmed(rig, async () => {
      const client = await FrameClient.open(rig.port, 'bytes');
      client.send(Buffer.concat(Array.from({ length: 100 }, () => frame(PING, 'p'))));
      for (let i = 0; i < 100; i += 1) assert.equal((await client.frame())?.opcode, PONG);
      client.send(Buffer.concat(Array.from({ length: 100_000 }, () => frame(PING, 'p'))));
      assert.equal(await client.closeCode(), 1013);
      await client.closed;
      assert.equal(await rig.count(limit('pings_per_second')), 1);
    }),
  { limits: { pingsPerSecond: 150 } },
);

on('a flood of pings to a client that does not read is bounded', (rig) =>
  unharmed(rig, async () => {
    const client = await FrameClient.open(rig.port, 'bytes');
    client.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 5000 }, () => frame(PING, 'p'.repeat(125))));
    for (let i = 0; i < 20; i += 1) client.send(flood);
    client.socket.resume();
    await client.closed;
    assert.equal(await rig.count(limit('pings_per_second')), 1);
  }),
);

on('a million empty messages: the session ends at the first', (rig) =>
  unharmed(rig, async () => {
    const client = await FrameClient.open(rig.port, 'json');
    const flood = Buffer.concat(Array.from({ length: 100_000 }, () => frame(TEXT)));
    for (let i = 0; i < 10; i += 1) client.send(flood);
    assert.equal(await client.closeCode(), 1008);
    client.destroy();
  }),
);

on('clients that vanish at any stage leave nothing behind', async (rig) => {
  rig.service.work = () => turns(2);
  for (let i = 0; i < 60; i += 1) {
    const client = await FrameClient.open(rig.port, 'bytes');
    const message = frame(BINARY, dataRequest(`${i}`, ['y'.repeat(i * 400)]));
    client.send(Buffer.concat([message, message, message.subarray(0, (i * 131) % message.length)]));
    await turns(i % 7);
    if (i % 3 === 0) client.socket.resetAndDestroy();
    else if (i % 3 === 1) client.socket.end();
    else client.destroy();
    await client.closed;
  }
  while ((await rig.count('clip_streams{protocol="websocket"}')) > 0 || rig.service.open > 0) await turns(1);
  while ((await rig.count('clip_connections{protocol="websocket"}')) > 0) await turns(1);
  assert.equal(rig.service.doubleReleases, 0);
});
