import { DEFAULT_ENGINES, DEFAULT_FETCH } from '../config.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { honoured, type Key } from '../section.ts';
import { BOOLEAN, FILE, integer, listOf, WORD } from '../values.ts';
import { LONGEST_MS } from './flow.ts';

export const snakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Most that a limit can be set to, and what it bounds. Node's buffers and a message's length field end at 2 GiB. */
const BOUNDS: Readonly<Record<keyof Limits, readonly [most: number, note: string]>> = {
  itemsPerRequest: [1_000_000, 'Texts and images of one request.'],
  requestBytes: [2 ** 31 - 1, 'Bytes of one request.'],
  jsonDepth: [1000, 'Lists and maps inside each other in a JSON body.'],
  valuesPerRequest: [
    100_000_000,
    'Parameters and scores of one request over gRPC or in a binary WebSocket message; the tags of a document are one.',
  ],
  imageBytes: [2 ** 31 - 1, 'Bytes of one encoded image.'],
  imagePixels: [2 ** 31 - 1, 'Pixels of one image, by its header.'],
  pixelsInFlight: [Number.MAX_SAFE_INTEGER, 'Pixels of all images that are being decoded.'],
  textCharacters: [100_000_000, 'Characters of one text.'],
  queueItems: [100_000_000, 'Unanswered items of all requests; those of streams fill half of it.'],
  queueBytes: [
    Number.MAX_SAFE_INTEGER,
    'Bytes of all requests that are not answered; those of streams fill half of it.',
  ],
  queueMs: [
    LONGEST_MS,
    'Milliseconds that an item may wait for an engine, and before that a request of a stream for room.',
  ],
  engineMs: [LONGEST_MS, 'Milliseconds that one run of the model may take.'],
  drainMs: [LONGEST_MS, 'Milliseconds that requests in flight get at the end.'],
  connections: [1_000_000, 'Connections at a time.'],
  streamBytes: [
    Number.MAX_SAFE_INTEGER,
    'Bytes of requests and replies that one gRPC or WebSocket stream may hold.',
  ],
  receiveBytes: [
    Number.MAX_SAFE_INTEGER,
    'Bytes of gRPC or WebSocket messages that have not arrived whole, of all connections of a port together.',
  ],
  sessionBytes: [
    Number.MAX_SAFE_INTEGER,
    'Bytes that one gRPC connection may hold before it gets no further calls.',
  ],
  streams: [2 ** 31 - 1, 'Calls at a time on one gRPC connection.'],
  streamResets: [
    1000,
    'Calls that a client may cancel at once on one gRPC connection; 33 more in each second.',
  ],
  pingMs: [
    LONGEST_MS,
    'Milliseconds between pings of a gRPC client without calls, on average; 100 with calls. 60 may come at once.',
  ],
  idleMs: [LONGEST_MS, 'Milliseconds after which a gRPC connection without calls is closed.'],
  headerBytes: [2 ** 20, "Names and values of one request's headers together."],
  headerMs: [LONGEST_MS, 'Milliseconds that the headers of a request may take.'],
  bodyMs: [LONGEST_MS, 'Milliseconds in which a body must arrive whole, or at 16 KiB/s.'],
  sendMs: [LONGEST_MS, 'Milliseconds in which a client may take nothing of its answer.'],
  messageFragments: [1_000_000, 'Frames in which one WebSocket message may come.'],
  heartbeatMs: [LONGEST_MS, 'Milliseconds after which a WebSocket client that is silent gets a ping.'],
  pongMs: [LONGEST_MS, 'Milliseconds in which it must answer.'],
  pingsPerSecond: [1_000_000, 'Pings and pongs that a WebSocket client may send in a second.'],
};

export const LIMIT_NAMES = Object.keys(BOUNDS) as (keyof Limits)[];

/** `with.limits`: every member of `Limits`, in snake case. */
export const LIMIT_KEYS: Readonly<Record<string, Key<number, number>>> = Object.fromEntries(
  LIMIT_NAMES.map((name) => [
    snakeCase(name),
    honoured(integer(1, BOUNDS[name][0]), DEFAULT_LIMITS[name], BOUNDS[name][1]),
  ]),
);

/** `with.fetch`. */
export const FETCH_KEYS = {
  enabled: honoured(BOOLEAN, DEFAULT_FETCH.enabled, 'Loads http and https URLs that requests name.'),
  folder: honoured(FILE, undefined, 'Folder below which local paths may be read.', {
    defaultNote: 'none: local paths are refused',
  }),
  allow: honoured(
    listOf(WORD),
    DEFAULT_FETCH.allow,
    'Hosts, addresses or ranges (CIDR) that may be private.',
  ),
  timeout_ms: honoured(
    integer(1, LONGEST_MS),
    DEFAULT_FETCH.timeoutMs,
    'Milliseconds for one URL, all in all.',
  ),
  connect_ms: honoured(integer(1, LONGEST_MS), DEFAULT_FETCH.connectMs, 'Milliseconds for the connection.'),
  redirects: honoured(integer(0, 20), DEFAULT_FETCH.redirects, 'Redirects that are followed.'),
  concurrency: honoured(integer(1, 10_000), DEFAULT_FETCH.concurrency, 'URLs that are loaded at a time.'),
  per_host: honoured(integer(1, 10_000), DEFAULT_FETCH.perHost, 'Of these, from one host.'),
};

/** `with.files`. */
export const FILES_KEYS = {
  cache: honoured(FILE, undefined, 'Directory of the model files; `~` is the home directory.', {
    defaultNote: '`CLIP_SERVER_CACHE`, else `~/.cache/clip`',
  }),
  sources: honoured(listOf(WORD), undefined, 'Base URLs of model files, in the order tried.', {
    defaultNote: '`CLIP_SERVER_SOURCES`, else the built-in list',
  }),
  offline: honoured(BOOLEAN, undefined, 'Downloads nothing.', {
    defaultNote: '`CLIP_SERVER_OFFLINE`, `HF_HUB_OFFLINE`',
  }),
  engines: honoured(
    FILE,
    undefined,
    'Directory of the TensorRT engines that were built, for this user alone.',
    {
      defaultNote: '`CLIP_ENGINE_CACHE`, else `engines` in `cache`',
    },
  ),
  engines_max_bytes: honoured(
    integer(1),
    DEFAULT_ENGINES.maxBytes,
    'Bytes of all files in it; the engine that was not used for longest goes first.',
  ),
  engines_wait_ms: honoured(
    integer(0, LONGEST_MS),
    DEFAULT_ENGINES.waitMs,
    'Milliseconds that a start waits for another process that builds the same engine.',
  ),
  engines_build_ms: honoured(
    integer(1000, LONGEST_MS),
    DEFAULT_ENGINES.buildMs,
    'Milliseconds that building the engine of one tower may take, all its attempts together.',
  ),
};
