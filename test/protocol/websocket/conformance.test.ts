import assert from 'node:assert/strict';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closing,
  type Frame,
  FrameClient,
  frame,
  PING,
  PONG,
  TEXT,
} from './frames.ts';
import { on } from './rig.ts';

const REQUEST = '{"header":{"request_id":"é€😀"},"data":[{"text":"x"}]}';
const bytes = Buffer.from(REQUEST);

const requestId = (reply: Frame | undefined): string =>
  JSON.parse(reply!.payload.toString()).header.request_id;

/** Whole requests, however their frames are cut. */
const CUTS: Readonly<Record<string, Buffer[]>> = {
  'one frame': [frame(TEXT, bytes)],
  'two frames': [frame(TEXT, bytes.subarray(0, 5), { fin: false }), frame(CONTINUATION, bytes.subarray(5))],
  'a frame per byte, which splits characters': [
    frame(TEXT, '', { fin: false }),
    ...[...bytes].map((byte) => frame(CONTINUATION, Buffer.from([byte]), { fin: false })),
    frame(CONTINUATION),
  ],
  'control frames between fragments': [
    frame(TEXT, bytes.subarray(0, 30), { fin: false }),
    frame(PONG, 'nobody asked'),
    frame(PONG),
    frame(CONTINUATION, bytes.subarray(30)),
  ],
};
for (const [name, frames] of Object.entries(CUTS)) {
  for (const [how, sent] of [
    ['at once', [Buffer.concat(frames)]],
    ['byte by byte', [...Buffer.concat(frames)].map((byte) => Buffer.from([byte]))],
  ] as const) {
    on(`a request in ${name}, sent ${how}, is answered`, async ({ port }) => {
      const client = await FrameClient.open(port);
      client.socket.setNoDelay();
      for (const piece of sent) client.send(piece);
      assert.equal(requestId(await client.frame()), 'é€😀');
      client.destroy();
    });
  }
}

for (const length of [60, 125, 126, 127, 65_535, 65_536, 200_000]) {
  on(`a message of ${length} bytes is read, and one as long is sent`, async ({ port }) => {
    const client = await FrameClient.open(port);
    const padding = ' '.repeat(length - bytes.length);
    client.send(frame(TEXT, REQUEST + padding));
    assert.equal(requestId(await client.frame()), 'é€😀');
    const text = 'y'.repeat(length);
    client.send(frame(TEXT, JSON.stringify({ data: [{ text }] })));
    assert.equal(JSON.parse((await client.frame())!.payload.toString()).data[0].text, text);
    client.destroy();
  });
}

on('pings are answered with their payload, also inside a message', async ({ port }) => {
  const client = await FrameClient.open(port);
  const payloads = ['', 'a', 'z'.repeat(125), Buffer.from([0, 255, 254])];
  client.send(frame(TEXT, bytes.subarray(0, 10), { fin: false }));
  for (const payload of payloads) {
    client.send(frame(PING, payload));
    assert.deepEqual(await client.frame(), { opcode: PONG, payload: Buffer.from(payload) });
  }
  client.send(frame(CONTINUATION, bytes.subarray(10)));
  assert.equal(requestId(await client.frame()), 'é€😀');
  client.destroy();
});

/** What ends the connection, and with which code. */
const FAULTS: Readonly<Record<string, readonly [Buffer[], number]>> = {
  'reserved bit 1': [[frame(TEXT, REQUEST, { reserved: 4 })], 1002],
  'reserved bit 2': [[frame(TEXT, REQUEST, { reserved: 2 })], 1002],
  'reserved bit 3': [[frame(TEXT, REQUEST, { reserved: 1 })], 1002],
  'a reserved bit on a ping': [[frame(PING, 'x', { reserved: 4 })], 1002],
  'a frame that is not masked': [[frame(TEXT, REQUEST, { masked: false })], 1002],
  'a ping that is not masked': [[frame(PING, 'x', { masked: false })], 1002],
  'a ping of 126 bytes': [[frame(PING, 'x'.repeat(126))], 1002],
  'a ping in fragments': [[frame(PING, 'x', { fin: false })], 1002],
  'a continuation of nothing': [[frame(CONTINUATION, REQUEST)], 1002],
  'a continuation of nothing after a message': [[frame(TEXT, REQUEST), frame(CONTINUATION, 'x')], 1002],
  'a new message inside another': [[frame(TEXT, '{', { fin: false }), frame(TEXT, REQUEST)], 1002],
  'a binary message inside a text': [[frame(TEXT, '{', { fin: false }), frame(BINARY, REQUEST)], 1002],
  'a length of 2⁶³': [[Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])], 1009],
  'text that is not UTF-8': [[frame(TEXT, Buffer.from([0x7b, 0xc3, 0x28]))], 1007],
  'a surrogate in UTF-8': [[frame(TEXT, Buffer.from([0xed, 0xa0, 0x80]))], 1007],
  'an overlong character': [[frame(TEXT, Buffer.from([0xc0, 0xaf]))], 1007],
  'a character beyond Unicode': [[frame(TEXT, Buffer.from([0xf4, 0x90, 0x80, 0x80]))], 1007],
  'text cut off inside a character': [
    [frame(TEXT, '"', { fin: false }), frame(CONTINUATION, Buffer.from([0xe2, 0x82]))],
    1007,
  ],
  'a close frame of one byte': [[frame(CLOSE, 'x')], 1002],
  'a close frame of 126 bytes': [[frame(CLOSE, closing(1000, 'x'.repeat(124)))], 1002],
  'a close reason that is not UTF-8': [[frame(CLOSE, closing(1000, Buffer.from([0xff])))], 1007],
};
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
  Object.assign(FAULTS, { [`opcode ${opcode}`]: [[frame(opcode, 'x')], 1002] });
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
  Object.assign(FAULTS, { [`close code ${code}`]: [[frame(CLOSE, closing(code))], 1002] });

for (const [name, [frames, code]] of Object.entries(FAULTS)) {
  on(`${name} ends the connection with ${code}`, async ({ port, service }) => {
    const [client, other] = await Promise.all([FrameClient.open(port), FrameClient.open(port)]);
    client.send(Buffer.concat(frames));
    assert.equal(await client.closeCode(), code);
    client.destroy();
    other.send(frame(TEXT, REQUEST));
    assert.equal(requestId(await other.frame()), 'é€😀');
    other.destroy();
    await other.closed;
    while (service.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });
}

for (const code of [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
]) {
  on(`close code ${code} is sent back, and the server ends the connection`, async ({ port }) => {
    const client = await FrameClient.open(port);
    client.send(frame(CLOSE, closing(code, 'é'.repeat(61))));
    const { opcode, payload } = (await client.frame())!;
    assert.deepEqual([opcode, payload.readUInt16BE(0)], [CLOSE, code]);
    await client.closed;
  });
}

on('a close frame without a code is answered, and nothing after it is served', async ({ port, service }) => {
  const client = await FrameClient.open(port);
  client.send(Buffer.concat([frame(CLOSE), frame(TEXT, REQUEST)]));
  assert.equal(await client.closeCode(), 1005);
  await client.closed;
  assert.deepEqual(service.seen, []);
});
