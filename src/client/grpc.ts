import { isIP } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import { decodeStatus } from '../protocol/jina/wire/status.ts';
import type { ServerAddress } from './address.ts';
import type { Pipe, PipeEvents } from './connection.ts';
import { ClipClientError } from './error.ts';
import { decodeInfo } from './info.ts';
import type { Settings } from './options.ts';
import { faultOfConnection, faultOfGrpc, faultOfStatus } from './server-fault.ts';
import { StreamTransport } from './stream-transport.ts';
import type { Transport } from './transport.ts';

const CALL = '/jina.JinaRPC/Call';
const DRY_RUN = '/jina.JinaGatewayDryRunRPC/dry_run';
const STATUS = '/jina.JinaInfoRPC/_status';
/** Trailing metadata of a clip-server. */
const CODE_KEY = 'clip-error';
const PUSHBACK_KEY = 'grpc-retry-pushback-ms';
/** ms that the server has to end the stream after the client has. */
const CLOSE_MS = 1000;
/** Without these, a server that was away for long would be tried for the first time minutes after it is back. */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2000 };
/** TLS has no server names for IP addresses; where none is checked, any stands in, and Node has nothing to warn of. */
const UNCHECKED_NAME = { 'grpc.ssl_target_name_override': 'localhost' };
/** So that a peer that vanished without a word is noticed. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 20_000, 'grpc.keepalive_timeout_ms': 10_000 };

interface Channel {
  readonly client: Grpc.Client;
  readonly metadata: () => Grpc.Metadata;
}

/** One channel and one stream for all requests. The library is loaded with the first of them. */
export function grpcTransport(address: ServerAddress, settings: Settings): Transport {
  const where = `${address.secure ? 'grpcs' : 'grpc'}://${address.hostname}:${address.port}`;
  let opened: Promise<Channel> | undefined;
  const channel = () => {
    opened ??= openChannel(address, settings);
    return opened;
  };
  return new StreamTransport({
    open: async (events) => openStream(await channel(), settings, events, where),
    ready: async (signal) => {
      const fault = faultOfStatus(decodeStatus(await ask(await channel(), DRY_RUN, signal, where)));
      return { ready: fault === undefined, reasons: fault ? [fault.message] : [] };
    },
    info: async (signal) => decodeInfo(await ask(await channel(), STATUS, signal, where)),
    close: async () => (await opened)?.client.close(),
    timeoutMs: settings.timeoutMs,
  });
}

async function openChannel({ secure, hostname, port }: ServerAddress, settings: Settings): Promise<Channel> {
  const { Client, Metadata, credentials } = await import('@grpc/grpc-js');
  const { tls, token, headers, answerBytes } = settings;
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  const client = new Client(
    `${hostname}:${port}`,
    secure
      ? credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert), {
          rejectUnauthorized: tls.rejectUnauthorized ?? true,
        })
      : credentials.createInsecure(),
    {
      ...RECONNECT,
      ...KEEPALIVE,
      ...(tls.rejectUnauthorized === false && isIP(hostname.replace(/[[\]]/g, '')) ? UNCHECKED_NAME : {}),
      // The client tries again by itself, and knows what is safe.
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': answerBytes,
      'grpc.max_send_message_length': -1,
    },
  );
  const metadata = () => {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    if (token !== undefined) sent.set('authorization', token);
    return sent;
  };
  return { client, metadata };
}

function openStream(
  { client, metadata }: Channel,
  settings: Settings,
  events: PipeEvents,
  where: string,
): Pipe {
  const sent = metadata();
  // As the Python client has it; servers work on so many requests of the stream at once.
  sent.set('__prefetch__', String(settings.concurrency));
  const call = client.makeBidiStreamRequest(CALL, toBuffer, (message: Buffer) => message, sent);
  const ended = new Promise<void>((resolve) => {
    call.on('status', (status) => {
      events.ended(status.code === 0 ? orderlyEnd(where) : faultOfCall(status, where));
      resolve();
    });
  });
  call.on('data', (message: Buffer) => events.message(message));
  // The same as the status, which comes in any case.
  call.on('error', () => {});
  return {
    send: (message) => void call.write(message),
    async end() {
      call.end();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([ended, late]);
      clearTimeout(timer);
    },
    drop: () => call.cancel(),
  };
}

/** One unary call with an empty request. */
function ask(
  { client, metadata }: Channel,
  method: string,
  signal: AbortSignal,
  where: string,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const keep = (message: Buffer) => message;
    const call = client.makeUnaryRequest(
      method,
      toBuffer,
      keep,
      new Uint8Array(),
      metadata(),
      (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error) reject(faultOfCall(error, where));
        else resolve(answer!);
      },
    );
    const cancel = () => call.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}

function toBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

function orderlyEnd(where: string): ClipClientError {
  return new ClipClientError('connection_lost', `${where}: the server ended the stream`);
}

function faultOfCall({ code, details, metadata }: Grpc.StatusObject, where: string): ClipClientError {
  const [said] = metadata.get(CODE_KEY);
  const pushback = Number(metadata.get(PUSHBACK_KEY)[0]);
  const retryAfterMs = Number.isFinite(pushback) && pushback >= 0 ? pushback : undefined;
  const fault = faultOfGrpc(code, `${where}: ${details}`, said);
  // Without a word from the server it is the library that speaks, of a connection.
  if (fault.code !== 'connection_lost') return fault.at({ retryAfterMs });
  return faultOfConnection(new Error(details), where).at({ status: code, retryAfterMs });
}
