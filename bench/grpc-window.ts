import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { frame, PREFIX } from '../src/protocol/grpc/framing.ts';
import { encodeRequest } from '../src/protocol/jina/wire/request.ts';
import { median } from './median.ts';

const ONE_WAY_MS = 5;
const MESSAGE_BYTES = 600_000;
const SECONDS = 3;
const ROUNDS = 3;
/** Messages on their way: at 10 ms of round trip, enough for more than the loopback gives. */
const IN_FLIGHT = 16;

/** MB/s of one stream with messages of 600 KB over 10 ms of round trip, here and in grpc-js as it comes. */
export async function grpcWindowBench(): Promise<Record<string, number>> {
  const rates = { ours: [] as number[], stock: [] as number[] };
  for (let round = 0; round < ROUNDS; round++)
    for (const kind of ['ours', 'stock'] as const) rates[kind].push(await rateOf(kind));
  const [ours, stock] = [median(rates.ours), median(rates.stock)];
  return { megabytes_per_second: ours, stock_megabytes_per_second: stock, to_stock: ours / stock };
}

async function rateOf(kind: 'ours' | 'stock'): Promise<number> {
  const server = await started('./grpc-server.ts', kind);
  const proxy = await started('./delaying-proxy.ts', String(server.port), String(ONE_WAY_MS));
  try {
    await stream(proxy.port, 1);
    return await stream(proxy.port, SECONDS);
  } finally {
    for (const { child } of [proxy, server]) child.kill();
  }
}

async function started(script: string, ...args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL(script, import.meta.url), args, { execArgv: ['--import', 'tsx'] });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

/** Keeps so many messages on their way, and counts those that were answered. */
async function stream(port: number, seconds: number): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`);
  const call = session.request({
    ':method': 'POST',
    ':path': '/jina.JinaRPC/Call',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const document = { id: 'a', blob: Buffer.alloc(MESSAGE_BYTES, 7) };
  const parameters = { drop_image_content: true };
  const message = frame(
    encodeRequest({ requestId: 'r', endpoint: '/encode', parameters, documents: [document] }),
  );
  const start = performance.now();
  let answered = 0;
  let rest = Buffer.alloc(0);
  call.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= PREFIX && rest.length >= PREFIX + rest.readUInt32BE(1)) {
      rest = rest.subarray(PREFIX + rest.readUInt32BE(1));
      answered++;
      if (performance.now() - start < seconds * 1000) call.write(message);
      else call.close(constants.NGHTTP2_CANCEL);
    }
  });
  for (let i = 0; i < IN_FLIGHT; i++) call.write(message);
  await once(call, 'close');
  session.destroy();
  return (answered * message.length) / 1e6 / ((performance.now() - start) / 1000);
}
