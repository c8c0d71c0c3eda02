import assert from 'node:assert/strict';
import { deflateRawSync } from 'node:zlib';
import { FrameClient, frame, TEXT } from './frames.ts';
import { limit, on } from './rig.ts';

const DEFLATE = { gateway: { messageDeflate: true }, limits: { requestBytes: 100_000 } };
on(
  'compressed messages are read and sent where the flow asks for it, bounded after inflation',
  async (rig) => {
    const client = await rig.connect('json', { perMessageDeflate: { threshold: 0 } });
    assert.match(client.socket.extensions, /permessage-deflate/);
    const text = 'y'.repeat(50_000);
    client.send({ data: [{ text }] });
    assert.equal((await client.takeJson(1))[0].data[0].text, text);
    client.send('{}');
    assert.equal((await client.closed).code, 1000);
    const plain = await rig.connect('json');
    plain.send({ data: [] });
    assert.deepEqual((await plain.takeJson(1))[0].data, []);
    const bomb = await rig.connect('json', { perMessageDeflate: { threshold: 0 } });
    bomb.send(' '.repeat(50_000_000));
    assert.equal((await bomb.closed).code, 1009);
    assert.equal(await rig.count(limit('request_bytes')), 1);
  },
  DEFLATE,
);

on(
  'a compressed message without an agreement on it ends with 1002, broken compression with 1007',
  async (rig) => {
    const packed = deflateRawSync('{"data":[]}');
    const plain = await FrameClient.open(rig.port, 'json');
    plain.send(frame(TEXT, packed, { reserved: 4 }));
    assert.equal(await plain.closeCode(), 1002);
    plain.destroy();
    const client = await rig.connect('json', { perMessageDeflate: true });
    const transport = (client.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
    transport.write(frame(TEXT, Buffer.from([0xff, 0xff, 0xff]), { reserved: 4 }));
    assert.equal((await client.closed).code, 1007);
  },
  DEFLATE,
);
