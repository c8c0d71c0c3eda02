import { once } from 'node:events';
import WebSocket from 'ws';

/** What a load sends again and again. */
export interface Load {
  /** Of the server's WebSocket. */
  readonly port: number;
  /** Encoded `DataRequestProto`s, sent in turn. */
  readonly requests: readonly Uint8Array[];
  /** Items of each of them. */
  readonly perRequest: number;
  readonly seconds: number;
}

const CONNECTIONS = 8;
const IN_FLIGHT = 4;
/** A vector's; an answer with less has an error in place of vectors. */
const LEAST_BYTES = 128;

/** Items per second from the first request to the last answer. @throws Error for an answer without vectors */
export async function itemsPerSecond({ port, requests, perRequest, seconds }: Load): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)));
  const began = performance.now();
  let answered = 0;
  let next = 0;
  const exchange = (socket: WebSocket) =>
    new Promise<void>((resolve, reject) => {
      let open = 0;
      const send = () => {
        open++;
        socket.send(requests[next++ % requests.length]!);
      };
      socket.on('close', (code) => reject(new Error(`the server closed the connection with ${code}`)));
      socket.on('error', reject);
      socket.on('message', (answer: Buffer) => {
        if (answer.length < perRequest * LEAST_BYTES)
          return reject(new Error(`vectors expected, got ${answer.toString('latin1').slice(0, 200)}`));
        answered++;
        open--;
        if (performance.now() - began < seconds * 1000) send();
        else if (open === 0) resolve();
      });
      for (let i = 0; i < IN_FLIGHT; i++) send();
    });
  try {
    await Promise.all(sockets.map(exchange));
    return (answered * perRequest) / ((performance.now() - began) / 1000);
  } finally {
    for (const socket of sockets)
      socket
        .removeAllListeners('close')
        .on('error', () => {})
        .terminate();
  }
}

async function connect(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'bytes', { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}
