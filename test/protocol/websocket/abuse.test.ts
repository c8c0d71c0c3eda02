import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { RawClient } from '../raw-client.ts';
import { onServer, type Rig } from './rig.ts';

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: json\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
const TEXT = 1;
const CONTINUATION = 0;
const PING = 9;
const CLOSE = 8;

/** One frame, masked unless told otherwise. */
function frame(opcode: number, payload: Buffer, { fin = true, masked = true, reserved = 0 } = {}): Buffer {
  const { length } = payload;
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = (fin ? 0x80 : 0) | reserved | opcode;
  head[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!))]);
}

async function open({ port }: Rig): Promise<RawClient> {
  const client = new RawClient(port);
  client.send(HANDSHAKE);
  await client.until((received) => received.includes('\r\n\r\n'));
  return client;
}

/** Code of the close frame that came last, before the connection ended. */
async function closeCode(client: RawClient): Promise<number | undefined> {
  await client.until(
    (received) => received.length >= received.lastIndexOf('\x88') + 4 && received.includes('\x88'),
  );
  const at = client.received.lastIndexOf('\x88');
  return at < 0 ? undefined : Buffer.from(client.received.slice(at + 2, at + 4), 'latin1').readUInt16BE();
}

const body = Buffer.from('{"data":[{"id":"ä","text":"ok"}]}');
const close = (code: number) => frame(CLOSE, Buffer.from([code >> 8, code & 255]));

const BROKEN: readonly (readonly [name: string, bytes: () => Buffer, code: number])[] = [
  ['an unmasked frame', () => frame(TEXT, body, { masked: false }), 1002],
  ['reserved bits', () => frame(TEXT, body, { reserved: 0x20 }), 1002],
  ['compression that was not agreed', () => frame(TEXT, body, { reserved: 0x40 }), 1002],
  ['a reserved opcode', () => frame(3, body), 1002],
  ['a reserved control opcode', () => frame(11, Buffer.alloc(0)), 1002],
  ['a fragmented ping', () => frame(PING, Buffer.alloc(0), { fin: false }), 1002],
  ['a ping of 126 bytes', () => frame(PING, Buffer.alloc(126)), 1002],
  ['a continuation of nothing', () => frame(CONTINUATION, body), 1002],
  [
    'a new message inside a message',
    () => Buffer.concat([frame(TEXT, body, { fin: false }), frame(TEXT, body)]),
    1002,
  ],
  ['invalid UTF-8', () => frame(TEXT, Buffer.from([0x7b, 0xff, 0x7d])), 1007],
  ['a close code that must not be sent', () => close(1005), 1002],
  ['a close frame of one byte', () => frame(CLOSE, Buffer.alloc(1)), 1002],
  ['a message above the limit', () => frame(TEXT, Buffer.alloc(5000, 0x20)), 1009],
  ['a declared length above the limit', () => frame(TEXT, Buffer.alloc(70_000, 0x20)).subarray(0, 100), 1009],
  [
    'fragments above the limit together',
    () =>
      Buffer.concat([
        frame(TEXT, Buffer.alloc(3000, 0x20), { fin: false }),
        frame(CONTINUATION, Buffer.alloc(3000, 0x20)),
      ]),
    1009,
  ],
];
for (const [name, bytes, code] of BROKEN)
  onServer(
    `${name} ends the connection with ${code}; another connection is unharmed`,
    async (rig) => {
      const other = await rig.connect('json');
      const client = await open(rig);
      client.send(bytes());
      assert.equal(await closeCode(client), code);
      other.socket.send(body.toString());
      assert.equal((await other.json(1))[0].data[0].id, 'ä');
      client.socket.destroy();
    },
    { limits: { requestBytes: 4096 } },
  );

onServer(
  'fragments, control frames between them, and characters cut in two are fine',
  async (rig) => {
    const client = await open(rig);
    const cuts = [...body].map((byte, i) =>
      frame(i === 0 ? TEXT : CONTINUATION, Buffer.from([byte]), { fin: false }),
    );
    for (const cut of cuts) client.send(Buffer.concat([cut, frame(PING, Buffer.from('p'))]));
    client.send(frame(CONTINUATION, Buffer.alloc(0)));
    const received = await client.until((text) => text.includes('"data":[{'));
    assert.ok(received.includes('\x8a\x01p'), 'a pong');
    client.send(close(1000));
    assert.equal(await closeCode(client), 1000);
    client.socket.destroy();
  },
  { limits: { pingsPerSecond: 1000 } },
);

for (const length of [0, 125, 126, 65_535, 65_536])
  onServer(`a text of ${length} bytes`, async ({ connect }) => {
    const client = await connect('json');
    client.socket.send(JSON.stringify({ data: [{ id: 'a', text: 'x'.repeat(length) }] }));
    assert.equal((await client.json(1))[0].data[0].text?.length ?? 0, length);
  });

onServer(
  'a message of too many fragments ends the connection',
  async (rig) => {
    const client = await open(rig);
    const crumb = frame(CONTINUATION, Buffer.from(' '), { fin: false });
    client.send(
      Buffer.concat([frame(TEXT, Buffer.from(' '), { fin: false }), ...new Array(200).fill(crumb)]),
    );
    assert.equal(await closeCode(client), 1008);
    const { values } = await rig.metrics.limited.get();
    assert.ok(values.some(({ labels }) => labels.limit === 'message_fragments'));
    client.socket.destroy();
  },
  { limits: { messageFragments: 100 } },
);

onServer(
  'pings: at the limit they are answered, above it the connection ends',
  async (rig) => {
    const calm = await open(rig);
    for (let i = 0; i < 10; i += 1) calm.send(frame(PING, Buffer.from('c')));
    await calm.until((received) => received.split('\x8a\x01c').length === 11);
    assert.equal(calm.isClosed, false);
    const wild = await open(rig);
    wild.send(Buffer.concat(new Array(1000).fill(frame(PING, Buffer.from('w')))));
    await wild.closed;
    const { values } = await rig.metrics.limited.get();
    assert.ok(values.some(({ labels }) => labels.limit === 'pings_per_second'));
    calm.socket.destroy();
  },
  { limits: { pingsPerSecond: 20 } },
);

onServer(
  'a client that answers no ping is let go; one that does is kept',
  async (rig) => {
    const mute = await open(rig);
    const alive = await rig.connect('json');
    await mute.closed;
    assert.ok(mute.received.includes('\x89'), 'a ping came');
    const { values } = await rig.metrics.limited.get();
    assert.ok(values.some(({ labels }) => labels.limit === 'pong_ms'));
    assert.equal(alive.socket.readyState, alive.socket.OPEN);
  },
  { limits: { silenceMs: 30, pongMs: 200 } },
);

onServer(
  'a bomb is stopped at the message limit once it is inflated',
  async (rig) => {
    const client = await rig.connect('json', '/', { perMessageDeflate: true });
    assert.match(client.socket.extensions, /permessage-deflate/);
    client.socket.send(Buffer.alloc(64 * 2 ** 20, 0x20).toString());
    assert.equal((await client.closed)[0], 1009);
  },
  { limits: { requestBytes: 2 ** 20 }, gateway: { messageDeflate: true } },
);
