/**
 * Keeps requests in flight against one server for a while, as a process of its own. Arguments: protocol, port, texts per
 * request, requests in flight, seconds. Sends the parent the requests answered per second.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { encodeRequest } from '../src/protocol/jina/wire/request.ts';

/** Sends a request and resolves when its answer is whole. */
type Lane = () => Promise<void>;

const [protocol, port, texts, inFlight, seconds] = process.argv.slice(2);
const documents = Array.from({ length: Number(texts) }, (_, i) => ({
  id: `${i}`,
  text: `a photo of ${i} cats`,
}));
const json = JSON.stringify({ data: documents, execEndpoint: '/encode' });
const proto = Buffer.from(
  encodeRequest({ requestId: 'a', endpoint: '/encode', parameters: {}, documents } as never),
);

const lanes = await { http, grpc, websocket }[protocol as 'http']();
await run(lanes, 1);
process.send!(await run(lanes, Number(seconds)));
process.exit();

async function run(open: readonly Lane[], duration: number): Promise<number> {
  let answered = 0;
  const began = performance.now();
  const end = began + duration * 1000;
  await Promise.all(
    open.map(async (send) => {
      while (performance.now() < end) {
        await send();
        answered++;
      }
    }),
  );
  return answered / ((performance.now() - began) / 1000);
}

/**
 * A connection per lane, spoken by hand: a client library would take more of the machine than the server. One that the
 * server closes is opened again, as the Python server closes those that it left waiting for 5 s.
 */
async function http(): Promise<Lane[]> {
  const head = `POST /post HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n`;
  const request = Buffer.from(head + json);
  return Array.from({ length: Number(inFlight) }, () => {
    let exchange = newConnection();
    return async () => {
      while (!(await exchange(request))) exchange = newConnection();
    };
  });
}

/** Sends a request and resolves to whether it was answered. */
function newConnection(): (request: Buffer) => Promise<boolean> {
  const socket = connect(Number(port), '127.0.0.1');
  let settle = (_: boolean) => {};
  let missing = 0;
  socket.on('error', () => {});
  socket.on('close', () => settle(false));
  socket.on('data', (chunk) => {
    if (missing === 0) missing = answerBytes(chunk);
    missing -= chunk.length;
    if (missing === 0) settle(true);
  });
  return (request) =>
    new Promise((resolve) => {
      if (socket.destroyed) resolve(false);
      settle = resolve;
      socket.write(request);
    });
}

/** Bytes of an answer whose head is whole in its first chunk. */
function answerBytes(chunk: Buffer): number {
  const end = chunk.indexOf('\r\n\r\n') + 4;
  const head = chunk.toString('latin1', 0, end);
  const length = /content-length: (\d+)/i.exec(head);
  if (!head.startsWith('HTTP/1.1 200') || !length) throw new Error(`expected 200 with a length, got ${head}`);
  return end + Number(length[1]);
}

/** One stream; answers may come in any order, and one is as good as another. */
async function grpc(): Promise<Lane[]> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  const same = (message: Buffer): Buffer => message;
  const call = client.makeBidiStreamRequest('/jina.JinaRPC/Call', same, same);
  return shared(
    (answer) => void call.on('data', answer),
    () => void call.write(proto),
  );
}

/**
 * One connection, binary messages, by hand: the Python server takes the sub-protocol without naming it in its answer,
 * which client libraries refuse.
 */
async function websocket(): Promise<Lane[]> {
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
      `sec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\nsec-websocket-protocol: bytes\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(`expected 101, got ${head}`);
  const frame = Buffer.concat([clientHeader(proto.length), proto]);
  let rest = Buffer.alloc(0);
  return shared(
    (answer) =>
      void socket.on('data', (chunk) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        for (let size = frameBytes(rest); size <= rest.length; size = frameBytes(rest)) {
          answer(rest.subarray(0, size));
          rest = rest.subarray(size);
        }
      }),
    () => void socket.write(frame),
  );
}

/** Of a binary message, with a mask of zeros. */
function clientHeader(length: number): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(length);
  return Buffer.from([0x82, ...(length < 126 ? [0x80 | length] : [0xfe, ...size]), 0, 0, 0, 0]);
}

/** Of the first frame in what has arrived; infinite where its header is not whole. */
function frameBytes(bytes: Buffer): number {
  if (bytes.length < 10) return Number.POSITIVE_INFINITY;
  const short = bytes[1]! & 0x7f;
  if (short < 126) return 2 + short;
  return short === 126 ? 4 + bytes.readUInt16BE(2) : 10 + Number(bytes.readBigUInt64BE(2));
}

function shared(receive: (answer: (message: Buffer) => void) => void, send: () => void): Lane[] {
  const waiting: (() => void)[] = [];
  receive((message) => {
    if (message.length < Number(texts) * 2048) throw new Error(`expected vectors, got ${message}`);
    waiting.shift()?.();
  });
  const lane: Lane = () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      send();
    });
  return Array(Number(inFlight)).fill(lane);
}
