import { onAbort } from '../../src/abort.ts';
import type { Config } from '../../src/config/config.ts';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import type { Answer } from '../../src/protocol/jina/answer.ts';
import type { JinaRequest } from '../../src/protocol/jina/request.ts';
import { type StreamOptions, serveStream } from '../../src/protocol/jina/stream.ts';
import type { Context, EmbeddingService } from '../../src/service/item.ts';
import { FakeService, testConfig } from './fake-service.ts';

/** A request on the wire: `texts` become documents; the rest says what is wrong with it. */
export interface Sent {
  readonly id: string;
  readonly texts?: readonly string[];
  readonly fault?: ErrorCode;
  /** The answer cannot be encoded while it holds documents. */
  readonly unspeakable?: boolean;
  /** Bytes that the request takes on the wire, where more than it needs. */
  readonly bytes?: number;
  readonly replyBytes?: number;
}

export interface Reply {
  readonly id: string;
  readonly error?: ErrorCode;
  readonly vectors: readonly (readonly number[])[];
}

export const frameOf = (request: Sent): Buffer => padded(JSON.stringify(request), request.bytes ?? 0);
export const GARBAGE = Buffer.from('garbage');

/** One client's side of a stream, in memory. */
export class Wire implements AsyncIterable<Buffer> {
  readonly replies: Reply[] = [];
  /** Times that the stream has asked for a request. */
  asked = 0;
  /** Where set, replies wait for `take`. */
  slow = false;
  readonly #frames: (Buffer | Error | 'end')[] = [];
  readonly #sending: { readonly reply: Reply; done(): void; fail(error: Error): void }[] = [];
  #wake: (() => void) | undefined;

  push(...requests: (Sent | Buffer | Error | 'end')[]): void {
    for (const each of requests)
      this.#frames.push(
        Buffer.isBuffer(each) || each instanceof Error || each === 'end' ? each : frameOf(each),
      );
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      this.asked++;
      if (this.#frames.length === 0)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      const frame = this.#frames.shift();
      if (frame === 'end') return;
      if (frame instanceof Error) throw frame;
      if (frame) yield frame;
    }
  }

  readonly send = (frame: Buffer): Promise<void> => {
    const reply = JSON.parse(frame.toString()) as Reply;
    if (!this.slow) {
      this.replies.push(reply);
      return Promise.resolve();
    }
    return new Promise((done, fail) => this.#sending.push({ reply, done, fail }));
  };

  /** Replies that the client has not taken. */
  get untaken(): number {
    return this.#sending.length;
  }

  take(count = this.#sending.length): void {
    for (const { reply, done } of this.#sending.splice(0, count)) {
      this.replies.push(reply);
      done();
    }
  }

  /** The transport finds that the client is gone. */
  breakSends(): void {
    this.send_ = () => Promise.reject(new Error('write after end'));
    for (const { fail } of this.#sending.splice(0)) fail(new Error('write after end'));
  }

  /** What `send` does. */
  send_: (frame: Buffer) => Promise<void> = (frame) => this.send(frame);
}

/** A service that answers when it is told to. */
export class PatientService extends FakeService {
  held = false;
  /** Requests that have begun and wait, oldest first. */
  readonly running: { readonly context: Context; go(): void }[] = [];
  aborted = 0;

  override work = async (context: Context): Promise<void> => {
    if (!this.held) return;
    await new Promise<void>((go) => {
      const run = {
        context,
        go: () => {
          // Twice, where the client leaves and the test lets it go.
          if (!this.running.includes(run)) return;
          this.running.splice(this.running.indexOf(run), 1);
          ignoreAbort();
          go();
        },
      };
      this.running.push(run);
      const ignoreAbort = onAbort(context.signal, () => {
        this.aborted++;
        setImmediate(run.go);
      });
    });
    if (context.signal.aborted) throw ClipError.aborted(context.signal);
  };

  /** Lets those at these positions finish; all where none is named. */
  finish(...positions: number[]): void {
    const chosen = positions.length > 0 ? positions.map((at) => this.running[at]!) : [...this.running];
    for (const each of chosen) each.go();
  }
}

export interface Opened {
  readonly wire: Wire;
  readonly client: AbortController;
  readonly metrics: Metrics;
  /** Undefined while the stream goes on. */
  end(): 'ok' | ErrorCode | undefined;
  readonly ended: Promise<'ok' | ErrorCode>;
  value(name: string, labels?: Record<string, string>): Promise<number>;
}

export function openStream(
  service: EmbeddingService,
  more: Partial<StreamOptions<Buffer>> = {},
  limits: Partial<Config['limits']> = {},
  gateway: Partial<Config['gateway']> = {},
  metrics = new Metrics(),
): Opened {
  const wire = new Wire();
  const client = new AbortController();
  const site = {
    config: testConfig(gateway, limits),
    service,
    health: { ready: () => ({ ready: true, reasons: [] }) },
    metrics,
    log: silentLog,
    version: '0.0.0',
  };
  let end: 'ok' | ErrorCode | undefined;
  const ended = serveStream<Buffer>(site, {
    protocol: 'grpc',
    route: 'test',
    requests: wire,
    decode,
    encode,
    send: (frame) => wire.send_(frame),
    prefetch: 0,
    inOrder: true,
    signal: client.signal,
    ...more,
  })
    .then(
      () => 'ok' as const,
      (error) => ClipError.from(error).code,
    )
    .then((code) => {
      end = code;
      return code;
    });
  /** Of a histogram, the observations. */
  const value = async (name: string, labels: Record<string, string> = {}) => {
    const { values, type } = await metrics.registry.getSingleMetric(name)!.get();
    const counted = values as { metricName?: string; labels: object; value: number }[];
    return counted
      .filter(({ metricName }) => String(type) !== 'histogram' || metricName === `${name}_count`)
      .filter((each) =>
        Object.entries(labels).every(([key, text]) => String(Reflect.get(each.labels, key)) === text),
      )
      .reduce((sum, { value }) => sum + value, 0);
  };
  return { wire, client, metrics, end: () => end, ended, value };
}

interface Kept extends JinaRequest {
  readonly sent: Sent;
}

function decode(frame: Buffer): Kept {
  if (frame.equals(GARBAGE)) throw new ClipError('invalid_request', 'expected a request, got garbage');
  const sent = JSON.parse(frame.toString()) as Sent;
  return {
    sent,
    requestId: sent.id,
    documents: (sent.texts ?? ['one']).map((text, i) => ({ id: `${sent.id}-${i}`, text })),
    endpoint: '/encode',
    parameters: {},
    fault: sent.fault && new ClipError(sent.fault, 'a fault that the test wanted'),
  };
}

/** What a reply to this request takes on the wire, where it says so, is that. */
function encode({ request, error }: Answer): Buffer {
  const { sent } = request as Kept;
  if (sent.unspeakable && request.documents.length > 0)
    throw new ClipError('bad_vector', 'expected finite components, got NaN');
  const vectors = request.documents.flatMap(({ embedding }) =>
    embedding instanceof Float32Array ? [[...embedding]] : [],
  );
  const reply: Reply = { id: request.requestId!, error: error?.code, vectors };
  return padded(JSON.stringify(reply), sent.replyBytes ?? 0);
}

/** JSON does not mind blanks at its end. */
function padded(text: string, bytes: number): Buffer {
  return Buffer.from(text.padEnd(bytes));
}
