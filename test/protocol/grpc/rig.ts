import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import type { Config } from '../../../src/config/config.ts';
import { silentLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { Certificates } from '../../../src/protocol/certificates.ts';
import { startGrpc } from '../../../src/protocol/grpc/start.ts';
import type { Document } from '../../../src/protocol/jina/document.ts';
import { Reader } from '../../../src/protocol/jina/wire/reader.ts';
import { encodeRequest } from '../../../src/protocol/jina/wire/request.ts';
import { decodeResponse } from '../../../src/protocol/jina/wire/response.ts';
import type { StartedListener } from '../../../src/protocol/site.ts';
import { FakeService, testConfig } from '../fake-service.ts';

export const CALL = '/jina.JinaRPC/Call';
export const SINGLE = '/jina.JinaSingleDataRequestRPC/process_single_data';

export interface Rig extends AsyncDisposable {
  readonly listener: StartedListener;
  readonly port: number;
  readonly service: FakeService;
  readonly certificates: Certificates | undefined;
  readonly metrics: Metrics;
  /** Emptied for ready. */
  readonly reasons: string[];
  client(options?: ChannelOptions): Client;
  /** Refusals counted under the limit. */
  limited(limit: string): Promise<number>;
}

export interface Settings {
  readonly gateway?: Partial<Config['gateway']>;
  readonly grpc?: Partial<Config['gateway']['grpc']>;
  readonly limits?: Partial<Config['limits']>;
  readonly port?: number;
}

export async function openRig({ gateway, grpc, limits, port = 0 }: Settings = {}): Promise<Rig> {
  const service = new FakeService();
  const metrics = new Metrics();
  const reasons: string[] = [];
  const plain = testConfig(gateway, limits);
  const config = { ...plain, gateway: { ...plain.gateway, grpc: { ...plain.gateway.grpc, ...grpc } } };
  const { tls } = config.gateway;
  const certificates = tls && (await Certificates.open(tls, { log: silentLog, metrics }));
  const listener = await startGrpc({
    config,
    listener: { protocol: 'grpc', port },
    service,
    certificates,
    health: { ready: () => ({ ready: reasons.length === 0, reasons }) },
    metrics,
    log: silentLog,
    version: '1.2.3',
  });
  const clients: Client[] = [];
  return {
    listener,
    port: listener.address.port,
    service,
    certificates,
    metrics,
    reasons,
    client: (options) => {
      const client = open(listener.address.port, options);
      clients.push(client);
      return client;
    },
    limited: async (limit) => {
      const { values } = await metrics.limited.get();
      return values.find(({ labels }) => labels.limit === limit)?.value ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      certificates?.close();
      await listener.close(0);
    },
  };
}

/** Clients of one process share connections by default, and messages of any size are wanted. */
export const CHANNEL: ChannelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
};

function open(port: number, options?: ChannelOptions): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { ...CHANNEL, ...options });
}

const same = (message: Uint8Array): Buffer => Buffer.from(message);

export function metadata(entries: Record<string, string> = {}): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(entries)) made.set(name, value);
  return made;
}

export function duplex(
  client: Client,
  path = CALL,
  entries?: Record<string, string>,
  deadline?: number,
): ClientDuplexStream<Uint8Array, Buffer> {
  return client.makeBidiStreamRequest(path, same, same, metadata(entries), { deadline });
}

/** How a call ended, and what came until then. */
export interface Outcome {
  readonly messages: Buffer[];
  readonly status: StatusObject;
}

export function outcome(stream: ClientDuplexStream<Uint8Array, Buffer>): Promise<Outcome> {
  const messages: Buffer[] = [];
  return new Promise((resolve) => {
    stream.on('data', (message: Buffer) => messages.push(message));
    stream.on('error', () => {});
    stream.on('status', (status: StatusObject) => resolve({ messages, status }));
  });
}

/** Sends all messages at once and half-closes. */
export function exchange(
  client: Client,
  messages: readonly Uint8Array[],
  entries?: Record<string, string>,
): Promise<Outcome> {
  const stream = duplex(client, CALL, entries);
  for (const message of messages) stream.write(message);
  stream.end();
  return outcome(stream);
}

export function unary(
  client: Client,
  path: string,
  message: Uint8Array = Buffer.alloc(0),
  deadline?: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      same,
      same,
      message,
      { deadline },
      (error: ServiceError | null, reply?: Buffer) => (error ? reject(error) : resolve(reply!)),
    );
  });
}

/** DataRequestProto with texts as documents. */
export function request(id: string, texts: readonly string[], endpoint = '/encode'): Uint8Array {
  const documents = texts.map((text, index) => ({ id: `${id}-${index}`, text }));
  return encodeRequest({ requestId: id, endpoint, parameters: {}, documents });
}

export interface Reply {
  readonly id: string;
  /** Name of the exception in the header's status. */
  readonly exception: string | undefined;
  readonly documents: readonly Pick<Document, 'id' | 'embedding'>[];
}

/** What the tests look at in a DataRequestProto. */
export function readReply(message: Uint8Array): Reply {
  const { requestId = '', status, documents } = decodeResponse(message);
  return {
    id: requestId,
    exception: status?.exception?.name,
    documents: documents.map(({ id, embedding }) => ({ id, embedding })),
  };
}

/** Every value of a field that has a length. */
export function fields(message: Uint8Array, number: number): Uint8Array[] {
  const reader = new Reader(message, 10);
  const found: Uint8Array[] = [];
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ((number << 3) | 2)) found.push(reader.bytes());
    else reader.skip(tag);
  }
  return found;
}

export function text(message: Uint8Array, number: number): string {
  return Buffer.from(fields(message, number)[0] ?? []).toString();
}

/** Resolves when `test` holds; it is looked at each time the event loop comes round. */
export async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await test())) await new Promise((resolve) => setImmediate(resolve));
}
