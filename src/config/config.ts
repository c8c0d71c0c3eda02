import type { Limits } from './limits.ts';

/** The typed configuration that everything else is built from. `readConfig` makes one; nothing changes it afterwards. */
export interface Config {
  /** Where the flow came from, for messages: a path, `stdin`, or `built-in torch-flow.yml`. */
  readonly origin: string;
  /** The Flow's own name (`name:`), used in logs. */
  readonly name: string;
  readonly gateway: GatewayConfig;
  readonly executor: ExecutorConfig;
  readonly limits: Limits;
  readonly fetch: FetchConfig;
  readonly files: FilesConfig;
  readonly engines: EnginesConfig;
  readonly log: LogConfig;
  readonly telemetry: TelemetryConfig;
  /**
   * Variables of the flow's `env` maps, and `CUDA_VISIBLE_DEVICES` where `RR…` was resolved. `main` sets them in the process
   * before anything reads them.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Lines to log as warnings at start: unknown keys with suggestions, accepted keys without effect. */
  readonly warnings: readonly string[];
}

export type Protocol = 'grpc' | 'http' | 'websocket';

export interface Listener {
  readonly protocol: Protocol;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  readonly passphrase?: string;
  readonly caFile?: string;
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly ciphers?: string;
}

export interface GatewayConfig {
  readonly host: string;
  readonly listeners: readonly Listener[];
  readonly tls?: TlsConfig;
  readonly cors: boolean;
  /** SHA-256 of each accepted API key, in hexadecimal: the keys themselves are kept nowhere. Empty: none is asked for. */
  readonly apiKeys: readonly string[];
  /** Requests of one stream worked on at once, where the client asks for no other number; 0 is without bound. */
  readonly prefetch: number;
  readonly title: string;
  readonly description: string;
  readonly debugEndpoints: boolean;
  readonly crudEndpoints: boolean;
  /** HTTP path → executor endpoint and methods, from `expose_endpoints`. */
  readonly exposedEndpoints: readonly ExposedEndpoint[];
  /** `auto` takes uWebSockets.js where it loads, else `node:http`. */
  readonly httpServer: 'auto' | 'uws' | 'node';
  /** Whether WebSocket messages are compressed for clients that offer it. */
  readonly messageDeflate: boolean;
  /** Answers for clients that ask. `auto` leaves out those that ask for `gzip, deflate` and nothing else. */
  readonly httpCompression: 'auto' | 'on' | 'off';
  /** Whether a browser that asks the HTTP server for `/` gets the playground. */
  readonly playground: boolean;
  /** ms; undefined means none. From `timeout_send`. */
  readonly requestTimeoutMs?: number;
  readonly keepAliveTimeoutMs: number;
  readonly grpc: GrpcConfig;
  /** Port of a metrics listener of its own; 0 lets the system choose; undefined means none. */
  readonly metricsPort?: number;
  /** File that takes the addresses once they are served; undefined means none. From `CLIP_SERVER_ENDPOINTS`. */
  readonly endpointsFile?: string;
}

/** From `grpc_server_options` and keys beside it. */
export interface GrpcConfig {
  /** Whether clients may ask for the services and messages. */
  readonly reflection: boolean;
  /** Of replies, where the client takes it; undefined means none. */
  readonly compression?: 'gzip' | 'deflate';
  /** Bytes of one request; undefined means `limits.requestBytes`, which holds in any case. */
  readonly maxReceiveBytes?: number;
  /** Bytes of one reply; undefined means no bound. */
  readonly maxSendBytes?: number;
  /** ms between the server's pings of a connection. */
  readonly keepaliveMs: number;
  /** ms that such a ping may stay without an answer. */
  readonly keepaliveTimeoutMs: number;
  /** ms after which a connection takes no new calls; undefined means none. */
  readonly maxAgeMs?: number;
  /** ms that its calls then get to finish; undefined means none. */
  readonly maxAgeGraceMs?: number;
}

export const DEFAULT_GRPC: GrpcConfig = { reflection: true, keepaliveMs: 30_000, keepaliveTimeoutMs: 20_000 };

export interface ExposedEndpoint {
  readonly path: string;
  readonly methods: readonly string[];
  readonly endpoint: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
}

export type Runtime = 'torch' | 'onnx' | 'tensorrt';

export interface ExecutorConfig {
  /** Deployment name (`clip_t`, `clip_o`, `clip_r` in the built-in flows); appears in routes and metrics. */
  readonly name: string;
  readonly runtime: Runtime;
  readonly replicas: number;
  /** Model name as the user wrote it; the folder's path where there is one and no name. */
  readonly model: string;
  /** Directory with `textual.onnx` and `visual.onnx`; replaces the download. */
  readonly modelPath?: string;
  /** `auto` takes CUDA where it works, else the CPU. */
  readonly device: Device;
  /** True where the user wrote a device, so that a fallback must be an error or a clear line. */
  readonly deviceIsExplicit: boolean;
  /**
   * One entry per replica: the CUDA device that it is bound to; empty where no mapping was asked for. The entry's position
   * in `environment.CUDA_VISIBLE_DEVICES` is the index by which CUDA libraries know it (for indices, the same number).
   */
  readonly replicaDevices: readonly string[];
  readonly minibatchSize: number;
  /** Whether graphs are rewritten where that is proved to give the same vectors. */
  readonly rewrite: 'auto' | 'off';
  /** Whether ONNX Runtime may serve in place of TensorRT. */
  readonly fallback: boolean;
  /** ms between two runs of an input whose vector is known, on each engine of TensorRT; 0 is without. */
  readonly canaryMs: number;
  readonly preprocessWorkers: number;
  readonly accessPaths: string;
  /** Endpoint → method, with `uses_requests` applied; `/default` stands for every endpoint that is not named. */
  readonly endpoints: ReadonlyMap<string, 'encode' | 'rank'>;
  /** ms that the start may take, with downloads; undefined means none. From `timeout_ready`. */
  readonly startTimeoutMs?: number;
  /** CPU threads for all replicas together, from `OMP_NUM_THREADS`; undefined means the machine's cores. */
  readonly threads?: number;
  readonly metricsPort?: number;
}

export interface Device {
  readonly kind: 'auto' | 'cpu' | 'cuda';
  readonly index: number;
}

/** What the server may load on behalf of a request (`with.fetch`). */
export interface FetchConfig {
  /** http and https URLs; `data:` URIs are always accepted. */
  readonly enabled: boolean;
  /** Local paths are read only below this folder; undefined refuses all. */
  readonly folder?: string;
  /** Hosts, addresses or CIDR ranges exempt from the check for private addresses. */
  readonly allow: readonly string[];
  readonly timeoutMs: number;
  readonly connectMs: number;
  readonly redirects: number;
  readonly concurrency: number;
  readonly perHost: number;
}

export const DEFAULT_FETCH: FetchConfig = {
  enabled: true,
  allow: [],
  timeoutMs: 10_000,
  connectMs: 3_000,
  redirects: 5,
  concurrency: 50,
  perHost: 8,
};

/** Where model files come from (`with.files`, and the environment). */
export interface FilesConfig {
  /** Cache directory; default `~/.cache/clip`. */
  readonly cache: string;
  /** Base URLs in the order tried; undefined means the catalogue's own list. */
  readonly sources?: readonly string[];
  readonly offline: boolean;
}

/** Where built TensorRT engines are kept (`with.files`, and the environment). */
export interface EnginesConfig {
  /** Absolute; default `engines` in the cache. */
  readonly folder: string;
  /** Of all files in it together. */
  readonly maxBytes: number;
  /** ms that a start waits for another process that builds the same engine. */
  readonly waitMs: number;
  /** ms that the builds of one tower get together. */
  readonly buildMs: number;
}

export const DEFAULT_ENGINES: Omit<EnginesConfig, 'folder'> = {
  maxBytes: 20 * 2 ** 30,
  waitMs: 1_800_000,
  buildMs: 1_800_000,
};

/** OpenTelemetry by OTLP over gRPC. A part is absent where the flow does not ask for it. */
export interface TelemetryConfig {
  readonly traces?: ExportTarget;
  readonly metrics?: ExportTarget;
}

export interface ExportTarget {
  /** `http` is plaintext, `https` is TLS. Absent: what the standard variables say, else http://localhost:4317. */
  readonly url?: string;
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto` writes text on a terminal and JSON in a pipe. */
  readonly format: 'auto' | 'text' | 'json';
  readonly healthRequests: boolean;
}

/** A fault of the configuration: the process ends with exit code 2 before anything is started. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
