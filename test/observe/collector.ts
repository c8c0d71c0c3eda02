import { Server, ServerCredentials } from '@grpc/grpc-js';

export type Attributes = Record<string, string | number | boolean>;

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the root of a trace. */
  readonly parentId: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly attributes: Attributes;
  /** 2 is an error. */
  readonly status: number;
  readonly resource: Attributes;
  readonly began: bigint;
  readonly ended: bigint;
}

export interface ReceivedPoint {
  readonly name: string;
  readonly unit: string;
  readonly type: 'histogram' | 'counter' | 'up-down counter';
  readonly attributes: Attributes;
  /** The sum; of a histogram too. */
  readonly value: number;
  /** Observations of a histogram. */
  readonly count: number;
}

export interface Collector {
  readonly port: number;
  readonly spans: ReceivedSpan[];
  /** Of the last export. */
  points: ReceivedPoint[];
  close(): void;
}

/** Takes OTLP over gRPC, and reads as much of it as the tests look at. */
export async function startCollector(): Promise<Collector> {
  const collector = { port: 0, spans: [] as ReceivedSpan[], points: [] as ReceivedPoint[], close: () => {} };
  const server = new Server();
  const export_ = (path: string, take: (message: Buffer) => void) =>
    server.addService(
      {
        export: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        export: (call: { request: Buffer }, done: (error: null, reply: Buffer) => void) => {
          take(call.request);
          done(null, Buffer.alloc(0));
        },
      },
    );
  export_('/opentelemetry.proto.collector.trace.v1.TraceService/Export', (message) => {
    collector.spans.push(...spansOf(message));
  });
  export_('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', (message) => {
    collector.points = pointsOf(message);
  });
  collector.port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  collector.close = () => server.forceShutdown();
  return collector;
}

/** A message's fields by number: bytes, or the number of a varint or of eight fixed bytes. */
class Fields {
  readonly #fields = new Map<number, (Buffer | bigint)[]>();

  constructor(bytes: Buffer) {
    let at = 0;
    const varint = () => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++]!;
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = Number(varint());
      const field = this.#fields.get(tag >> 3) ?? [];
      this.#fields.set(tag >> 3, field);
      if ((tag & 7) === 0) field.push(varint());
      else {
        const length = (tag & 7) === 1 ? 8 : (tag & 7) === 5 ? 4 : Number(varint());
        field.push(bytes.subarray(at, at + length));
        at += length;
      }
    }
  }

  all(number: number): Fields[] {
    return (this.#fields.get(number) ?? []).map((bytes) => new Fields(bytes as Buffer));
  }

  bytes(number: number): Buffer {
    return (this.#fields.get(number)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  number(number: number): number {
    return Number(this.#fields.get(number)?.[0] ?? 0);
  }
}

function attributesOf(pairs: readonly Fields[]): Attributes {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = pair.all(2);
      const read = value!.has(1)
        ? value!.bytes(1).toString()
        : value!.has(2)
          ? value!.number(2) === 1
          : value!.number(3);
      return [pair.bytes(1).toString(), read];
    }),
  );
}

function spansOf(message: Buffer): ReceivedSpan[] {
  return new Fields(message).all(1).flatMap((part) => {
    const resource = attributesOf(part.all(1)[0]!.all(1));
    return part.all(2).flatMap((scope) =>
      scope.all(2).map((span) => ({
        name: span.bytes(5).toString(),
        traceId: span.bytes(1).toString('hex'),
        spanId: span.bytes(2).toString('hex'),
        parentId: span.bytes(4).toString('hex'),
        kind: span.number(6),
        began: span.bytes(7).readBigUInt64LE(),
        ended: span.bytes(8).readBigUInt64LE(),
        attributes: attributesOf(span.all(9)),
        status: span.all(15)[0]?.number(3) ?? 0,
        resource,
      })),
    );
  });
}

function pointsOf(message: Buffer): ReceivedPoint[] {
  const metrics = new Fields(message)
    .all(1)
    .flatMap((part) => part.all(2))
    .flatMap((scope) => scope.all(2));
  return metrics.flatMap((metric): ReceivedPoint[] => {
    const common = { name: metric.bytes(1).toString(), unit: metric.bytes(3).toString() };
    const [histogram] = metric.all(9);
    if (histogram)
      return histogram.all(1).map((point) => ({
        ...common,
        type: 'histogram' as const,
        attributes: attributesOf(point.all(9)),
        count: Number(point.bytes(4).readBigUInt64LE()),
        value: point.bytes(5).readDoubleLE(),
      }));
    const [sum] = metric.all(7);
    return sum!.all(1).map((point) => ({
      ...common,
      type: sum!.number(3) === 1 ? ('counter' as const) : ('up-down counter' as const),
      attributes: attributesOf(point.all(7)),
      count: 0,
      value: point.has(4) ? point.bytes(4).readDoubleLE() : Number(point.bytes(6).readBigInt64LE()),
    }));
  });
}
