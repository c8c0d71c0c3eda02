import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { dataRequest, requestIdOf } from './data-request.ts';
import { BINARY, CLOSE, FrameClient, frame } from './frames.ts';
import { turns } from './rig.ts';
import { type Held, STREAM_BYTES, TEXT_BYTES } from './slow-server.ts';

const REPLIES = 10_000;
const MIB = 2 ** 20;

test(`a slow reader of ${REPLIES} replies gets every one, and the server holds no more than it may`, {
  timeout: 120_000,
}, async (t) => {
  const server = fork(new URL('slow-server.ts', import.meta.url), { execArgv: ['--import', 'tsx'] });
  t.after(() => void server.kill());
  const [port] = (await once(server, 'message')) as [number];
  const client = await FrameClient.open(port, 'bytes');
  const text = 'y'.repeat(TEXT_BYTES);
  const writing = (async () => {
    for (let i = 0; i < REPLIES; i += 1)
      if (!client.socket.write(frame(BINARY, dataRequest(`${i}`, [text]))))
        await once(client.socket, 'drain');
    client.send(frame(BINARY, Buffer.from([0])));
  })();
  const ids = new Set<string>();
  let last: number | undefined;
  for (let reply = await client.frame(); reply; reply = await client.frame()) {
    if (reply.opcode === CLOSE) {
      last = reply.payload.readUInt16BE(0);
      client.send(frame(CLOSE, reply.payload));
      continue;
    }
    ids.add(requestIdOf(reply.payload)!);
    if (ids.size % 100 !== 0) continue;
    client.socket.pause();
    await turns(50);
    client.socket.resume();
  }
  await writing;
  assert.equal(ids.size, REPLIES);
  assert.equal(last, 1000);
  server.send('report');
  const [held] = (await once(server, 'message')) as [Held];
  await once(server, 'exit');
  assert.ok(held.texts > STREAM_BYTES / 4, `the reader was not slow: ${held.texts}`);
  assert.ok(held.texts <= STREAM_BYTES, `${held.texts}`);
  assert.ok(held.growth < 16 * STREAM_BYTES + 64 * MIB, `${held.growth}`);
});
