import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Heartbeat } from '../../../src/protocol/websocket/heartbeat.ts';
import { Intake } from '../../../src/protocol/websocket/intake.ts';
import { dataRequest, requestIdOf } from './data-request.ts';
import { FrameClient, PING } from './frames.ts';
import { limit, on, turns } from './rig.ts';

on(
  'a client that is silent gets a ping, and is let go where it does not answer',
  async (rig) => {
    const gone = await FrameClient.open(rig.port, 'bytes');
    const alive = await rig.connect('bytes');
    let pings = 0;
    alive.socket.on('ping', () => {
      pings += 1;
    });
    assert.deepEqual(await gone.frame(), { opcode: PING, payload: Buffer.alloc(0) });
    await gone.closed;
    assert.equal(await rig.count(limit('pong_ms')), 1);
    while (pings < 5) await turns(10);
    alive.send(dataRequest('x', ['x']));
    assert.equal((await alive.take(1)).map(requestIdOf).join(), 'x');
  },
  { limits: { heartbeatMs: 50, pongMs: 1000 } },
);

on(
  'a client whose pong cannot be seen, since the server does not read, is not let go',
  async (rig) => {
    let go = (): void => {};
    rig.service.work = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    const client = await rig.connect('bytes');
    const pinged = new Promise((resolve) => client.socket.once('ping', resolve));
    for (let i = 0; i < 300; i += 1) client.send(dataRequest(`${i}`, ['y'.repeat(2000)]));
    await pinged;
    await wait(2500);
    rig.service.work = async () => {};
    go();
    assert.equal((await client.take(300)).length, 300);
    assert.equal(await rig.count(limit('pong_ms')), 0);
  },
  { limits: { heartbeatMs: 20, pongMs: 1000 }, gateway: { prefetch: 1 } },
);

test('time in which the server does not read counts for no client, up to its last moment', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const said: string[] = [];
  const say = (what: string) => () => void said.push(what);
  let paused = true;
  const isPaused = () => paused;
  const heartbeat = new Heartbeat({
    heartbeatMs: 50,
    pongMs: 100,
    ping: say('ping'),
    isPaused,
    onLost: say('lost'),
  });
  const intake = new Intake({
    bodyMs: 100,
    mostBytes: 1e6,
    unfinished: { bytes: 0 },
    isPaused,
    onSlow: say('slow'),
    onFull: say('full'),
  });
  t.mock.timers.tick(50);
  intake.chunk(10);
  t.mock.timers.tick(99);
  paused = false;
  heartbeat.resumed();
  intake.resumed();
  t.mock.timers.tick(99);
  assert.deepEqual(said, ['ping']);
  t.mock.timers.tick(1);
  assert.deepEqual(said.sort(), ['lost', 'ping', 'slow']);
});
