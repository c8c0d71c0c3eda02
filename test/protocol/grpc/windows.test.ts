import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from '@grpc/grpc-js';
import { callInternals, serverInternals } from '../../../src/protocol/grpc/internals.ts';
import { FrameClient, SETTINGS, WINDOW_UPDATE } from './frames.ts';
import { openRig, request, SINGLE, unary } from './rig.ts';

const TIMEOUT = { timeout: 120_000 };
const [MAX_STREAMS, WINDOW, FRAME_SIZE, HEADER_LIST] = [3, 4, 5, 6];

function settings(payload: Buffer): Map<number, number> {
  const found = new Map<number, number>();
  for (let at = 0; at < payload.length; at += 6)
    found.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  return found;
}

test(
  'a client may send 8 MiB ahead on a call, 32 MiB on a connection, in frames of 1 MiB',
  TIMEOUT,
  async () => {
    await using rig = await openRig({ limits: { streams: 77, headerBytes: 5000 } });
    using client = new FrameClient(rig.port);
    const said = settings(
      (await client.first(({ type, flags }) => type === SETTINGS && flags === 0))!.payload,
    );
    assert.equal(said.get(WINDOW), 8 * 2 ** 20);
    assert.equal(said.get(FRAME_SIZE), 2 ** 20);
    assert.equal(said.get(MAX_STREAMS), 77);
    assert.equal(said.get(HEADER_LIST), 2 * 5000 + 200 * 32);
    const more = await client.first(({ type, stream }) => type === WINDOW_UPDATE && stream === 0);
    assert.equal(65_535 + more!.payload.readUInt32BE(0), 32 * 2 ** 20);
  },
);

test('the names inside grpc-js that this server needs are there', TIMEOUT, async () => {
  serverInternals(new Server());
  assert.throws(() => serverInternals({} as Server), /expected commonServerOptions/);
  assert.throws(() => callInternals({}), /expected stream, decoder/);
  // Each is used by every call: one that is answered has found them.
  await using rig = await openRig();
  await unary(rig.client(), SINGLE, request('a', ['x']));
});
