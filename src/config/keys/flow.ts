import { type Config, DEFAULT_GRPC, type Protocol } from '../config.ts';
import { accepted, honoured } from '../section.ts';
import { ANY, BOOLEAN, choice, FILE, integer, listOf, MAP, SECRETS, TEXT, WORD } from '../values.ts';
import { PORT, TELEMETRY_KEYS } from './telemetry.ts';

/** What a flow without `protocol` is served by, as upstream. */
export const DEFAULT_PROTOCOL: Protocol = 'grpc';

/** Node's timers hold 31 bits. */
export const LONGEST_MS = 2 ** 31 - 1;

const CONTAINERS = 'everything runs in one process, without containers';
const EXPORT_ONLY = 'used upstream for Kubernetes export only';

const PROTOCOL = choice<Protocol>(['grpc', 'http', 'websocket'], {
  grpcs: 'grpc',
  https: 'http',
  ws: 'websocket',
  wss: 'websocket',
  websockets: 'websocket',
});

/** The top level of the file. */
export const TOP_KEYS = {
  jtype: honoured(WORD, undefined, 'What the file describes: `Flow`. The tag `!Flow` says the same.'),
  version: honoured(WORD, '1', 'Version of the syntax; 1 is the only one.'),
  name: honoured(WORD, undefined, 'Name of the Flow, in logs; `with.name` comes before it.', {
    defaultNote: '`flow`',
  }),
  with: honoured(MAP, undefined, 'Settings of the server; some are inherited by the executor.'),
  executors: honoured(ANY, undefined, 'List with the one CLIP executor.', {
    aliases: ['deployments'],
    defaultNote: 'the executor of torch-flow.yml',
  }),
  gateway: honoured(MAP, undefined, 'Settings of the server, over those of `with`.'),
  jcloud: accepted(ANY, undefined, 'for a hosting service', { silent: true }),
  py_modules: accepted(ANY, undefined, 'no Python is loaded'),
};

/** `with` and `gateway`. */
export const WITH_KEYS = {
  port: honoured(listOf(PORT), undefined, 'Port of each protocol; 0 lets the system choose.', {
    aliases: ['ports', 'port_expose', 'port_in'],
    defaultNote: 'random, see `JINA_RANDOM_PORT_MIN`',
  }),
  protocol: honoured(
    listOf(PROTOCOL),
    [DEFAULT_PROTOCOL],
    'One protocol, or a list as long as that of ports.',
    { aliases: ['protocols'] },
  ),
  host: honoured(WORD, undefined, 'Address to listen on.', {
    aliases: ['host_in'],
    defaultNote: '`JINA_DEFAULT_HOST`, else 0.0.0.0 (127.0.0.1 on Windows)',
  }),
  cors: honoured(BOOLEAN, false, 'Lets pages of any origin call the HTTP server.'),
  api_keys: honoured(
    SECRETS,
    undefined,
    'Keys, of which every request must bring one: see “API keys”. Not known upstream.',
    { defaultNote: '`CLIP_SERVER_API_KEYS`, else no key is asked for' },
  ),
  api_keys_file: honoured(
    FILE,
    undefined,
    'File with one key a line, relative to the working directory; adds to `api_keys`. Not known upstream.',
  ),
  prefetch: honoured(
    integer(0),
    1000,
    'Requests of one stream (gRPC, WebSocket) worked on at a time; 0 is without bound. A gRPC client may ask for another number.',
  ),
  title: honoured(TEXT, 'clip-server', 'Title of the OpenAPI document.'),
  description: honoured(TEXT, 'CLIP vectors for text and images', 'Description in the OpenAPI document.'),
  no_debug_endpoints: honoured(BOOLEAN, false, 'Leaves out `/status`, `/post` and `/dry_run`.'),
  no_crud_endpoints: honoured(BOOLEAN, false, 'Leaves out `/index`, `/search`, `/delete` and `/update`.'),
  expose_endpoints: honoured(
    ANY,
    undefined,
    'Map (or its JSON text) from an executor endpoint to `{http_path, methods, summary, tags}`; `methods` is POST where absent.',
  ),
  ssl_certfile: honoured(
    FILE,
    undefined,
    'Certificate chain (PEM), relative to the working directory; needs `ssl_keyfile`.',
  ),
  ssl_keyfile: honoured(FILE, undefined, 'Key of the certificate (PEM).'),
  uvicorn_kwargs: honoured(
    MAP,
    undefined,
    'More TLS and HTTP settings; a map or a list of `KEY: VALUE` lines.',
  ),
  timeout_send: honoured(
    integer(-1, LONGEST_MS),
    undefined,
    'Milliseconds that a request may take; −1 and 0 are without bound.',
    { defaultNote: 'without bound' },
  ),
  timeout_ready: honoured(integer(-1, LONGEST_MS), undefined, 'Inherited by the executor.', {
    defaultNote: 'see the executor',
  }),
  replicas: honoured(integer(1, 1024), undefined, 'Inherited by the executor.', {
    defaultNote: 'see the executor',
  }),
  monitoring: honoured(
    BOOLEAN,
    false,
    'Serves Prometheus metrics on a port of their own. Inherited by the executor.',
  ),
  port_monitoring: honoured(PORT, undefined, 'Port of the metrics, with `monitoring`.', {
    defaultNote: 'random, see `JINA_RANDOM_PORT_MIN`',
  }),
  env: honoured(MAP, undefined, 'Environment variables, set before anything reads them.'),
  name: honoured(WORD, undefined, 'Name of the Flow, in logs.', { defaultNote: '`flow`' }),
  log_config: honoured(
    WORD,
    'default',
    '`json`, `quiet`, or `default`; other names and files change nothing.',
  ),
  quiet: honoured(BOOLEAN, false, 'Logs nothing.'),
  http_server: honoured(
    choice<Config['gateway']['httpServer']>(['auto', 'uws', 'node']),
    'auto',
    'HTTP implementation: uWebSockets.js, `node:http`, or the first that loads. Not known upstream.',
  ),
  http_compression: honoured(
    choice<Config['gateway']['httpCompression']>(['auto', 'on', 'off']),
    'auto',
    'Compressed answers (br, gzip, deflate): for all who ask, for none, or (`auto`) for all but Python clients, which ask unasked. Not known upstream.',
  ),
  playground: honoured(
    BOOLEAN,
    true,
    'A page at `/` of the HTTP server, for browsers, on which the model can be tried. Not known upstream.',
  ),
  limits: honoured(MAP, undefined, 'Limits of this server, see `with.limits`. Not known upstream.'),
  fetch: honoured(MAP, undefined, 'What URIs may be loaded, see `with.fetch`. Not known upstream.'),
  files: honoured(MAP, undefined, 'Where model files come from, see `with.files`. Not known upstream.'),
  expose_graphql_endpoint: accepted(BOOLEAN, false, 'GraphQL is not served'),
  grpc_server_options: honoured(MAP, undefined, "gRPC's own settings, see `with.grpc_server_options`."),
  grpc_reflection: honoured(
    BOOLEAN,
    DEFAULT_GRPC.reflection,
    'Lets gRPC clients ask for services and messages, as grpcurl does. Not known upstream.',
  ),
  grpc_channel_options: accepted(ANY, undefined, 'there is no hop between gateway and executor'),
  timeout_ctrl: accepted(ANY, undefined, 'there are no control messages between processes', { silent: true }),
  retries: accepted(integer(-1), -1, 'a failed batch is retried once, on another replica where there is one'),
  compression: honoured(
    choice(['NoCompression', 'Deflate', 'Gzip']),
    'NoCompression',
    'Compression of gRPC replies, for clients that take it. Upstream: between gateway and executor.',
  ),
  ...TELEMETRY_KEYS,
  env_from_secret: accepted(ANY, undefined, EXPORT_ONLY),
  workspace: accepted(ANY, undefined, 'the encoder keeps no state', { silent: true }),
  workspace_id: accepted(ANY, undefined, 'the encoder keeps no state', { silent: true }),
  quiet_error: accepted(BOOLEAN, false, 'errors are one line each already'),
  proxy: accepted(BOOLEAN, false, 'proxies never apply to what comes in'),
  reload: accepted(BOOLEAN, false, 'start the server anew after a change'),
  inspect: accepted(ANY, undefined, 'no executor is inspected', { silent: true }),
  uses: accepted(ANY, undefined, 'the gateway cannot be replaced'),
  uses_with: accepted(ANY, undefined, 'the gateway cannot be replaced'),
  py_modules: accepted(ANY, undefined, 'the gateway cannot be replaced'),
  shards: accepted(integer(1), 1, 'an encoder holds no data to split; use `replicas`'),
  polling: accepted(ANY, undefined, 'it means nothing without shards', { silent: true }),
  asyncio: accepted(BOOLEAN, false, 'a setting of the Python client'),
  tls: accepted(BOOLEAN, false, 'a setting of the Python client; use `ssl_certfile` and `ssl_keyfile`'),
  graph_description: accepted(ANY, undefined, 'there is one executor', { silent: true }),
  graph_conditions: accepted(ANY, undefined, 'there is one executor', { silent: true }),
  deployments_addresses: accepted(ANY, undefined, 'there is no hop between gateway and executor'),
  deployments_metadata: accepted(ANY, undefined, 'there is no hop between gateway and executor'),
  deployments_no_reduce: accepted(ANY, undefined, 'there is one executor', { silent: true }),
  extra_search_paths: accepted(ANY, undefined, 'no Python is loaded', { silent: true }),
  docker_kwargs: accepted(ANY, undefined, CONTAINERS),
  entrypoint: accepted(ANY, undefined, CONTAINERS),
};

/** `with.uvicorn_kwargs`: the reference passes these to its HTTP server. */
export const UVICORN_KEYS = {
  ssl_certfile: honoured(FILE, undefined, 'Comes before `with.ssl_certfile`.'),
  ssl_keyfile: honoured(FILE, undefined, 'Comes before `with.ssl_keyfile`.'),
  ssl_keyfile_password: honoured(TEXT, undefined, 'Passphrase of the key.'),
  ssl_ca_certs: honoured(FILE, undefined, 'Certificates (PEM) that client certificates are checked against.'),
  ssl_cert_reqs: honoured(integer(0, 2), 0, 'Client certificates: 0 none, 1 optional, 2 required.'),
  ssl_ciphers: honoured(WORD, undefined, 'Cipher list in OpenSSL syntax.', {
    defaultNote: 'those of Node.js',
  }),
  timeout_keep_alive: honoured(integer(0, 86_400), 5, 'Seconds that an idle HTTP connection stays open.'),
  limit_concurrency: honoured(
    integer(1),
    undefined,
    'Connections at a time, where `with.limits.connections` is not set.',
    { defaultNote: '`with.limits.connections`' },
  ),
  ws_max_size: honoured(
    integer(1, 2 ** 31 - 1),
    undefined,
    'Bytes per request, where `with.limits.request_bytes` is not set. Upstream ends with an error.',
    { defaultNote: '`with.limits.request_bytes`' },
  ),
  ws_ping_interval: honoured(
    integer(1, 86_400),
    undefined,
    'Seconds after which a silent WebSocket client gets a ping, where `with.limits.heartbeat_ms` is not set.',
    { defaultNote: '`with.limits.heartbeat_ms`' },
  ),
  ws_ping_timeout: honoured(
    integer(1, 86_400),
    undefined,
    'Seconds in which it must answer, where `with.limits.pong_ms` is not set.',
    { defaultNote: '`with.limits.pong_ms`' },
  ),
  ws_per_message_deflate: honoured(
    BOOLEAN,
    false,
    'Compresses WebSocket messages for clients that offer it. True upstream; vectors hardly shrink.',
  ),
  host: honoured(
    WORD,
    undefined,
    'Address to listen on, where `with.host` is not set. Upstream ends with an error.',
    { defaultNote: '`with.host`' },
  ),
  port: honoured(PORT, undefined, 'Port, where `with.port` is not set. Upstream ends with an error.', {
    defaultNote: '`with.port`',
  }),
  ssl_version: accepted(ANY, undefined, 'TLS 1.2 and 1.3 are spoken'),
  backlog: accepted(integer(1), 2048, 'the system decides how many connections wait'),
  limit_max_requests: accepted(integer(1), undefined, 'the server does not end after a number of requests'),
  root_path: accepted(TEXT, '', 'let the proxy strip the prefix'),
  proxy_headers: accepted(BOOLEAN, true, 'forwarded addresses are not used'),
  forwarded_allow_ips: accepted(ANY, undefined, 'forwarded addresses are not used'),
  headers: accepted(ANY, undefined, 'let the proxy add headers'),
  server_header: accepted(BOOLEAN, true, 'no such header is promised'),
  date_header: accepted(BOOLEAN, true, 'no such header is promised'),
  app: accepted(ANY, undefined, 'there is no Python application'),
  log_level: accepted(ANY, undefined, 'use `JINA_LOG_LEVEL`'),
  workers: accepted(integer(1), 1, 'use `replicas`'),
  reload: accepted(BOOLEAN, false, 'start the server anew after a change'),
  loop: accepted(ANY, undefined, 'there is no Python event loop', { silent: true }),
  http: accepted(ANY, undefined, 'use `with.http_server`'),
  ws: accepted(ANY, undefined, 'use `with.http_server`'),
};

/** The value of one path in `expose_endpoints`. */
export const EXPOSED_KEYS = {
  http_path: honoured(WORD, undefined, 'Path of the HTTP route.', { defaultNote: 'the endpoint' }),
  methods: honoured(listOf(choice(['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])), ['POST'], 'HTTP methods.'),
  summary: honoured(TEXT, undefined, 'One line in the OpenAPI document.'),
  tags: honoured(listOf(TEXT), undefined, 'Groups in the OpenAPI document.'),
};
