/** Every limit: name, default and unit. The key in the flow file is `with.limits.<snake_case name>`. */
export interface Limits {
  readonly itemsPerRequest: number;
  readonly requestBytes: number;
  readonly jsonDepth: number;
  /** Parameters, scores, and pieces that a field came in, of one protobuf message. */
  readonly valuesPerRequest: number;
  readonly imageBytes: number;
  readonly imagePixels: number;
  readonly pixelsInFlight: number;
  readonly textCharacters: number;
  readonly queueItems: number;
  readonly queueBytes: number;
  readonly queueMs: number;
  readonly engineMs: number;
  readonly drainMs: number;
  readonly connections: number;
  /** Requests and replies that one stream (gRPC, WebSocket) may hold. */
  readonly streamBytes: number;
  /** Bytes of gRPC or WebSocket messages that have not arrived whole, of all connections of a port together. */
  readonly receiveBytes: number;
  /** What one gRPC connection may hold before it gets no further calls. */
  readonly sessionBytes: number;
  /** Calls at a time on one gRPC connection. */
  readonly streams: number;
  /** Calls that a client may cancel at once on a gRPC connection; 33 more in each second. */
  readonly streamResets: number;
  /** A gRPC client's time between pings without calls, on average. */
  readonly pingMs: number;
  /** Longest life of a gRPC connection without calls. */
  readonly idleMs: number;
  /** Names and values of one request's headers together. */
  readonly headerBytes: number;
  /** From the connection, or the end of the request before, to the end of the headers. */
  readonly headerMs: number;
  /** Window in which a body must arrive whole, or at 16 KiB/s. */
  readonly bodyMs: number;
  /** Longest time in which a client takes nothing of its answer. */
  readonly sendMs: number;
  /** Frames in which one WebSocket message may come. */
  readonly messageFragments: number;
  /** From the last sign of life of a WebSocket's client to the ping that asks for one. */
  readonly heartbeatMs: number;
  /** From that ping to a sign of life. */
  readonly pongMs: number;
  /** Pings and pongs that the client of a WebSocket may send in a second. */
  readonly pingsPerSecond: number;
}

export const DEFAULT_LIMITS: Limits = {
  itemsPerRequest: 4096,
  requestBytes: 128 * 2 ** 20,
  jsonDepth: 100,
  valuesPerRequest: 100_000,
  imageBytes: 20 * 2 ** 20,
  imagePixels: 40_000_000,
  pixelsInFlight: 120_000_000,
  textCharacters: 100_000,
  queueItems: 8192,
  queueBytes: 1024 * 2 ** 20,
  queueMs: 300_000,
  engineMs: 60_000,
  drainMs: 30_000,
  connections: 10_000,
  streamBytes: 128 * 2 ** 20,
  receiveBytes: 1024 * 2 ** 20,
  sessionBytes: 256 * 2 ** 20,
  streams: 100,
  streamResets: 1000,
  pingMs: 1000,
  idleMs: 900_000,
  headerBytes: 16 * 2 ** 10,
  headerMs: 20_000,
  bodyMs: 10_000,
  sendMs: 30_000,
  messageFragments: 16_384,
  heartbeatMs: 20_000,
  pongMs: 20_000,
  pingsPerSecond: 100,
};
