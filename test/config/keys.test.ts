import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { LIMIT_NAMES, snakeCase } from '../../src/config/keys/server.ts';
import { KEYS } from '../../src/config/keys.ts';
import { type Flow, flow, read } from './flow.ts';

const CWD = mkdtempSync(join(tmpdir(), 'clip-config-'));
writeFileSync(join(CWD, 'keys.txt'), '# of the team\n\nkey-of-the-file-000\n');
for (const file of ['a.pem', 'b.pem']) writeFileSync(join(CWD, file), '');
writeFileSync(join(CWD, 'module.yml'), 'jtype: CLIPEncoder\npy_modules: clip_tensorrt\n');

interface Case {
  readonly value: unknown;
  /** What the key needs beside it. */
  readonly beside?: Flow;
  readonly lands?: (config: Config) => unknown;
  readonly as?: unknown;
  /** For keys that decide whether the flow is taken at all. */
  readonly fails?: RegExp;
}

const at = (
  value: unknown,
  lands: (config: Config) => unknown,
  as: unknown = value,
  beside: Flow = {},
): Case => ({ value, lands, as, beside });
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const TLS = { ssl_certfile: 'a.pem', ssl_keyfile: 'a.pem' };
const module = (value: unknown, beside: Flow = {}) =>
  at(value, ({ executor }) => executor.runtime, 'tensorrt', beside);
const limit = (index: number, name: (typeof LIMIT_NAMES)[number]) =>
  at(index + 1, ({ limits }) => limits[name]);

const TRACES = { tracing: true };
const METRICS = { metrics: true };
/** The same at the server and at the executor. */
const TELEMETRY: Record<string, Case> = {
  tracing: at(true, ({ telemetry }) => telemetry.traces, {}),
  traces_exporter_host: at('h', ({ telemetry }) => telemetry.traces?.url, 'http://h:4317', TRACES),
  traces_exporter_port: at(5, ({ telemetry }) => telemetry.traces?.url, 'http://localhost:5', TRACES),
  metrics: at(true, ({ telemetry }) => telemetry.metrics, {}),
  metrics_exporter_host: at('h', ({ telemetry }) => telemetry.metrics?.url, 'http://h:4317', METRICS),
  metrics_exporter_port: at(5, ({ telemetry }) => telemetry.metrics?.url, 'http://localhost:5', METRICS),
};

const CASES: Record<string, Record<string, Case>> = {
  'the top level': {
    jtype: { value: 'Executor', fails: /^stdin:1: jtype: expected Flow, got "Executor"/ },
    version: { value: '2', fails: /^stdin:1: version: expected 1, got "2"/ },
    name: at('mine', (config) => config.name),
    with: at({ port: 1 }, ({ gateway }) => gateway.listeners[0]?.port, 1),
    executors: at(
      [{ name: 'x', uses: { jtype: 'CLIPEncoder', py_modules: ['clip_torch'] } }],
      ({ executor }) => executor.name,
      'x',
    ),
    gateway: at({ port: 2 }, ({ gateway }) => gateway.listeners[0]?.port, 2),
  },
  with: {
    port: at(1234, ({ gateway }) => gateway.listeners, [{ protocol: 'grpc', port: 1234 }]),
    protocol: at('http', ({ gateway }) => gateway.listeners, [{ protocol: 'http', port: 51000 }]),
    host: at('127.0.0.2', ({ gateway }) => gateway.host),
    cors: at(true, ({ gateway }) => gateway.cors),
    api_keys: at(['key-of-the-flow-000'], ({ gateway }) => gateway.apiKeys, [sha256('key-of-the-flow-000')]),
    api_keys_file: at('keys.txt', ({ gateway }) => gateway.apiKeys, [sha256('key-of-the-file-000')]),
    prefetch: at(7, ({ gateway }) => gateway.prefetch),
    title: at('007', ({ gateway }) => gateway.title),
    description: at('', ({ gateway }) => gateway.description),
    no_debug_endpoints: at(true, ({ gateway }) => gateway.debugEndpoints, false),
    no_crud_endpoints: at(true, ({ gateway }) => gateway.crudEndpoints, false),
    expose_endpoints: at({ '/x': null }, ({ gateway }) => gateway.exposedEndpoints[0]?.path, '/x'),
    ssl_certfile: at('b.pem', ({ gateway }) => gateway.tls?.certFile, join(CWD, 'b.pem'), TLS),
    ssl_keyfile: at('b.pem', ({ gateway }) => gateway.tls?.keyFile, join(CWD, 'b.pem'), TLS),
    uvicorn_kwargs: at(['timeout_keep_alive: 9'], ({ gateway }) => gateway.keepAliveTimeoutMs, 9000),
    timeout_send: at(500, ({ gateway }) => gateway.requestTimeoutMs),
    timeout_ready: at(700, ({ executor }) => executor.startTimeoutMs),
    replicas: at(3, ({ executor }) => executor.replicas),
    monitoring: at(
      true,
      ({ gateway, executor }) => typeof gateway.metricsPort + typeof executor.metricsPort,
      'numbernumber',
    ),
    port_monitoring: at(9090, ({ gateway }) => gateway.metricsPort, 9090, { monitoring: true }),
    env: at({ A: 1 }, ({ environment }) => environment, { A: '1' }),
    name: at('mine', (config) => config.name),
    log_config: at('json', ({ log }) => log.format),
    quiet: at(true, ({ log }) => log.level, 'silent'),
    grpc_server_options: at({ 'grpc.keepalive_time_ms': 5 }, ({ gateway }) => gateway.grpc.keepaliveMs, 5),
    grpc_reflection: at(false, ({ gateway }) => gateway.grpc.reflection),
    compression: at('Gzip', ({ gateway }) => gateway.grpc.compression, 'gzip'),
    http_server: at('node', ({ gateway }) => gateway.httpServer),
    http_compression: at('off', ({ gateway }) => gateway.httpCompression),
    playground: at(false, ({ gateway }) => gateway.playground),
    limits: at({ drain_ms: 5 }, ({ limits }) => limits.drainMs, 5),
    fetch: at({ enabled: false }, ({ fetch }) => fetch.enabled, false),
    files: at({ offline: true }, ({ files }) => files.offline, true),
    ...TELEMETRY,
  },
  'with.uvicorn_kwargs': {
    ssl_certfile: at('b.pem', ({ gateway }) => gateway.tls?.certFile, join(CWD, 'b.pem'), TLS),
    ssl_keyfile: at('b.pem', ({ gateway }) => gateway.tls?.keyFile, join(CWD, 'b.pem'), TLS),
    ssl_keyfile_password: at('0123', ({ gateway }) => gateway.tls?.passphrase, '0123', TLS),
    ssl_ca_certs: at('b.pem', ({ gateway }) => gateway.tls?.caFile, join(CWD, 'b.pem'), TLS),
    ssl_cert_reqs: at(2, ({ gateway }) => gateway.tls?.clientCertificate, 'required', TLS),
    ssl_ciphers: at('HIGH', ({ gateway }) => gateway.tls?.ciphers, 'HIGH', TLS),
    timeout_keep_alive: at(7, ({ gateway }) => gateway.keepAliveTimeoutMs, 7000),
    limit_concurrency: at(11, ({ limits }) => limits.connections),
    ws_max_size: at(1000, ({ limits }) => limits.requestBytes),
    ws_ping_interval: at(3, ({ limits }) => limits.heartbeatMs, 3000),
    ws_ping_timeout: at(4, ({ limits }) => limits.pongMs, 4000),
    ws_per_message_deflate: at(true, ({ gateway }) => gateway.messageDeflate),
    host: at('::1', ({ gateway }) => gateway.host),
    port: at(4321, ({ gateway }) => gateway.listeners[0]?.port),
  },
  'with.expose_endpoints.<endpoint>': {
    http_path: at('/y', ({ gateway }) => gateway.exposedEndpoints[0]?.path),
    methods: at(['GET', 'put'], ({ gateway }) => gateway.exposedEndpoints[0]?.methods, ['GET', 'PUT']),
    summary: at('s', ({ gateway }) => gateway.exposedEndpoints[0]?.summary),
    tags: at(['t'], ({ gateway }) => gateway.exposedEndpoints[0]?.tags),
  },
  'with.grpc_server_options': {
    'grpc.max_receive_message_length': at(1000, ({ gateway }) => gateway.grpc.maxReceiveBytes),
    'grpc.max_send_message_length': at(1001, ({ gateway }) => gateway.grpc.maxSendBytes),
    'grpc.max_concurrent_streams': at(7, ({ limits }) => limits.streams),
    'grpc.keepalive_time_ms': at(1002, ({ gateway }) => gateway.grpc.keepaliveMs),
    'grpc.keepalive_timeout_ms': at(1003, ({ gateway }) => gateway.grpc.keepaliveTimeoutMs),
    'grpc.max_connection_idle_ms': at(1004, ({ limits }) => limits.idleMs),
    'grpc.max_connection_age_ms': at(1005, ({ gateway }) => gateway.grpc.maxAgeMs),
    'grpc.max_connection_age_grace_ms': at(1006, ({ gateway }) => gateway.grpc.maxAgeGraceMs),
    'grpc.http2.min_ping_interval_without_data_ms': at(1007, ({ limits }) => limits.pingMs),
  },
  'with.limits': Object.fromEntries(LIMIT_NAMES.map((name, index) => [snakeCase(name), limit(index, name)])),
  'with.fetch': {
    enabled: at(false, ({ fetch }) => fetch.enabled),
    folder: at('~/images', ({ fetch }) => fetch.folder, '/home/me/images'),
    allow: at(['10.0.0.0/8', 'a.local', '::1'], ({ fetch }) => fetch.allow),
    timeout_ms: at(1, ({ fetch }) => fetch.timeoutMs),
    connect_ms: at(2, ({ fetch }) => fetch.connectMs),
    redirects: at(0, ({ fetch }) => fetch.redirects),
    concurrency: at(4, ({ fetch }) => fetch.concurrency),
    per_host: at(5, ({ fetch }) => fetch.perHost),
  },
  'with.files': {
    cache: at('models', ({ files }) => files.cache, join(CWD, 'models')),
    sources: at(['https://a.example/x', 'http://b.example'], ({ files }) => files.sources),
    offline: at(true, ({ files }) => files.offline),
    engines: at('plans', ({ engines }) => engines.folder, join(CWD, 'plans')),
    engines_max_bytes: at(9, ({ engines }) => engines.maxBytes),
    engines_wait_ms: at(8, ({ engines }) => engines.waitMs),
    engines_build_ms: at(7000, ({ engines }) => engines.buildMs),
  },
  'executors[]': {
    name: at('my-clip', ({ executor }) => executor.name),
    uses: module('module.yml'),
    uses_with: at({ name: 'RN50' }, ({ executor }) => executor.model, 'RN50'),
    uses_metas: module({ py_modules: 'clip_tensorrt.py' }),
    uses_requests: at({ '/a': 'encode' }, ({ executor }) => [...executor.endpoints], [
      ['/rank', 'rank'],
      ['/a', 'encode'],
    ]),
    with: at({ name: 'RN50' }, ({ executor }) => executor.model, 'RN50'),
    metas: module({ py_modules: 'clip_tensorrt.py' }, { uses: 'CLIPEncoder' }),
    py_modules: module('clip_server.executors.clip_tensorrt', { uses: 'CLIPEncoder' }),
    replicas: at(4, ({ executor }) => executor.replicas),
    monitoring: at(true, ({ executor }) => typeof executor.metricsPort, 'number'),
    port_monitoring: at('9091,9092', ({ executor }) => executor.metricsPort, 9091, { monitoring: true }),
    timeout_ready: at(900, ({ executor }) => executor.startTimeoutMs),
    timeout_send: at(800, ({ gateway }) => gateway.requestTimeoutMs),
    env: at({ OMP_NUM_THREADS: '3' }, ({ executor }) => executor.threads, 3),
    external: { value: true, fails: /^stdin:1: executors\[0\]\.external: expected false, got true/ },
    quiet: at(true, ({ log }) => log.level, 'silent'),
    log_config: at('QUIET', ({ log }) => log.level, 'silent'),
    ...TELEMETRY,
  },
  'executors[].uses': {
    jtype: {
      value: 'AnnLiteIndexer',
      fails: /expected CLIPEncoder, got "AnnLiteIndexer" for the executor "clip_o"/,
    },
    with: at({ name: 'RN50' }, ({ executor }) => executor.model, 'RN50'),
    metas: module({ py_modules: ['clip_tensorrt'] }),
    py_modules: module(['executors/clip_tensorrt.py'], { metas: null }),
    requests: at({ '/r': 'rank' }, ({ executor }) => [...executor.endpoints], [
      ['/default', 'encode'],
      ['/r', 'rank'],
    ]),
  },
  'executors[].uses.metas': { py_modules: module('executors\\clip_tensorrt.py') },
  'executors[].uses.with': {
    name: at('ViT-L/14@336px', ({ executor }) => executor.model),
    device: at('cuda:1', ({ executor }) => executor.device, { kind: 'cuda', index: 1 }),
    num_worker_preprocess: at(9, ({ executor }) => executor.preprocessWorkers),
    minibatch_size: at(64, ({ executor }) => executor.minibatchSize),
    rewrite: at('off', ({ executor }) => executor.rewrite),
    fallback: at(false, ({ executor }) => executor.fallback),
    canary_interval: at(7, ({ executor }) => executor.canaryMs, 7000),
    access_paths: at('@r, cm', ({ executor }) => executor.accessPaths, '@r,cm'),
    traversal_paths: at('@c', ({ executor }) => executor.accessPaths),
    model_path: at('~/clip', ({ executor }) => executor.modelPath, '/home/me/clip'),
  },
};

/** A flow with the keys at the place; a key of `undefined` is left out. */
function flowWith(place: string, keys: Flow): Flow {
  const uses = (flow().executors as Flow[])[0]!.uses as Flow;
  if (place === 'the top level') return { ...flow(), ...keys };
  if (place === 'with') return flow({ server: keys });
  if (place === 'with.expose_endpoints.<endpoint>')
    return flow({ server: { expose_endpoints: { '/x': keys } } });
  if (place.startsWith('with.')) {
    const port = 'port' in keys ? undefined : 51000;
    return flow({ server: { [place.slice(5)]: keys, port } });
  }
  if (place === 'executors[]') return flow({ executor: keys });
  if (place === 'executors[].uses') return flow({ executor: { uses: { ...uses, ...keys } } });
  if (place === 'executors[].uses.metas') return flow({ executor: { uses: { ...uses, metas: keys } } });
  return flow({ encoder: keys });
}

const spellings = (name: string, aliases: readonly string[]) => [
  ...new Set([name, name.replaceAll('_', '-'), ...aliases]),
];

for (const [place, table] of KEYS) {
  test(`every honoured key of ${place} lands in the configuration`, async () => {
    const honoured = Object.entries(table).filter(([, { status }]) => status === 'honoured');
    assert.deepEqual(honoured.map(([name]) => name).sort(), Object.keys(CASES[place] ?? {}).sort());
    for (const [name, { aliases }] of honoured) {
      const { value, beside = {}, lands, as, fails } = CASES[place]![name]!;
      for (const spelling of spellings(name, aliases)) {
        const keys = { ...beside, [name]: undefined, [spelling]: value };
        const reading = read(flowWith(place, keys), { cwd: CWD });
        if (fails) await assert.rejects(reading, { name: 'ConfigError', message: fails });
        else assert.deepEqual(lands!(await reading), as, `${place}.${spelling}`);
      }
      if (lands)
        assert.notDeepEqual(
          lands(await read(flowWith(place, beside), { cwd: CWD })),
          as,
          `${place}.${name} changes nothing`,
        );
    }
  });

  test(`every accepted key of ${place} is taken with its reason`, async () => {
    for (const [name, { status, aliases, silent, note, fallback }] of Object.entries(table)) {
      if (status !== 'accepted') continue;
      assert.ok(note.length > 10, `${place}.${name} has no reason`);
      const words: Record<string, string> = { method: 'needs', dtype: 'fp16' };
      const value = typeof fallback === 'boolean' ? !fallback : (words[name] ?? 7);
      for (const spelling of spellings(name, aliases)) {
        const { warnings } = await read(flowWith(place, { [spelling]: value }), { cwd: CWD });
        const said = warnings.filter((line) =>
          line.includes(`${spelling}: accepted without effect: ${note}`),
        );
        assert.equal(said.length, silent ? 0 : 1, `${place}.${spelling}`);
      }
    }
  });
}
