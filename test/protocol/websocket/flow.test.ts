import assert from 'node:assert/strict';
import { dataRequest, requestIdOf } from './data-request.ts';
import { BINARY, FrameClient, frame } from './frames.ts';
import { on, turns } from './rig.ts';

const END = Buffer.from([0]);
const VECTOR = Float32Array.of(0.5, 0.25);

on(
  'no more than prefetch requests are worked on, and the socket is not read meanwhile',
  async (rig) => {
    let running = 0;
    let most = 0;
    rig.service.work = async () => {
      running += 1;
      most = Math.max(most, running);
      await turns(3);
      running -= 1;
    };
    const client = await rig.connect('bytes');
    const count = 2000;
    for (let i = 0; i < count; i += 1) client.send(dataRequest(`${i}`, ['x'.repeat(2000)]));
    client.send(END);
    assert.equal((await client.closed).code, 1000);
    assert.equal(most, 4);
    assert.deepEqual(new Set(client.messages.map(requestIdOf)).size, count);
  },
  { gateway: { prefetch: 4 } },
);

on(
  'a client that sends and does not read: the server stops reading, and loses nothing',
  async (rig) => {
    const client = await FrameClient.open(rig.port, 'bytes');
    client.socket.pause();
    const text = 'y'.repeat(60_000);
    rig.service.encode = async (items) => items.map(() => ({ vector: VECTOR }));
    const count = 1000;
    const message = (i: number) => frame(BINARY, dataRequest(`${i}`, [text]));
    let sent = 0;
    /** Sends until for some turns neither the system nor the server takes more. */
    const fill = async (): Promise<void> => {
      for (; sent < count; sent += 1) {
        if (client.socket.write(message(sent))) continue;
        let drained = false;
        client.socket.once('drain', () => {
          drained = true;
        });
        for (let turn = 0, taken = -1; turn < 300 && !drained; turn += 1) {
          if (rig.service.admitted !== taken) [taken, turn] = [rig.service.admitted, 0];
          await turns(1);
        }
        if (!drained) break;
      }
    };
    await fill();
    assert.ok(sent < count, 'the server read everything');
    client.socket.resume();
    const ids = new Set<string>();
    const writer = (async () => {
      for (sent += 1; sent < count; sent += 1)
        if (!client.socket.write(message(sent)))
          await new Promise((resolve) => client.socket.once('drain', resolve));
      client.send(frame(BINARY, END));
    })();
    for (let reply = await client.frame(); reply?.opcode === BINARY; reply = await client.frame())
      ids.add(requestIdOf(reply.payload)!);
    await writer;
    assert.equal(ids.size, count);
    client.destroy();
  },
  { limits: { streamBytes: 2 ** 20 } },
);

on(
  'a client that takes nothing of its replies in the time is let go',
  async (rig) => {
    const client = await FrameClient.open(rig.port, 'bytes');
    client.socket.pause();
    rig.service.encode = async (items) => items.map(() => ({ vector: VECTOR }));
    const batch = Buffer.concat(
      Array.from({ length: 200 }, () => frame(BINARY, dataRequest('x', ['y'.repeat(60_000)]))),
    );
    client.send(batch);
    while ((await rig.count('clip_streams{protocol="websocket"}')) > 0) await turns(5);
    assert.equal(await rig.count('clip_limit_reached_total{limit="send_ms"}'), 1);
    while (rig.service.open > 0) await turns(1);
    client.destroy();
  },
  { limits: { sendMs: 50, streamBytes: 2 ** 30 } },
);
