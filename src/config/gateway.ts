import { readApiKeys } from './api-keys.ts';
import { ConfigError, type ExposedEndpoint, type GatewayConfig, type Listener } from './config.ts';
import type { Context } from './context.ts';
import { readGrpc } from './grpc.ts';
import type { EXECUTOR_KEYS } from './keys/executor.ts';
import { EXPOSED_KEYS, type UVICORN_KEYS, type WITH_KEYS } from './keys/flow.ts';
import type { GRPC_KEYS } from './keys/grpc.ts';
import { describe, type Node } from './node.ts';
import { type Given, readSection, type Section } from './section.ts';
import { readTls } from './tls.ts';
import { parseYaml } from './yaml.ts';

/** What clients connect to, from `with`, `gateway` over it, and the maps inside; one key may stand at the executor. */
export async function readGateway(
  server: Section<typeof WITH_KEYS>,
  uvicorn: Section<typeof UVICORN_KEYS>,
  grpc: Section<typeof GRPC_KEYS>,
  executors: readonly Section<typeof EXECUTOR_KEYS>[],
  context: Context,
): Promise<GatewayConfig> {
  const timeout = server.get('timeout_send') ?? executors[0]?.get('timeout_send');
  const listeners = readListeners(server, uvicorn, context);
  const metricsPort = server.given('port_monitoring');
  const endpointsFile = context.variables.get('CLIP_SERVER_ENDPOINTS');
  return {
    host: server.get('host') ?? uvicorn.get('host') ?? context.variables.get('JINA_DEFAULT_HOST'),
    listeners,
    tls: await readTls(server, uvicorn, context),
    cors: server.get('cors'),
    apiKeys: await readApiKeys(server, context),
    prefetch: server.get('prefetch'),
    title: server.get('title'),
    description: server.get('description'),
    debugEndpoints: !server.get('no_debug_endpoints'),
    crudEndpoints: !server.get('no_crud_endpoints'),
    exposedEndpoints: readExposed(server.given('expose_endpoints'), context),
    httpServer: server.get('http_server'),
    messageDeflate: uvicorn.get('ws_per_message_deflate'),
    httpCompression: server.get('http_compression'),
    playground: server.get('playground'),
    requestTimeoutMs: bound(timeout),
    keepAliveTimeoutMs: uvicorn.get('timeout_keep_alive') * 1000,
    grpc: readGrpc(server, grpc),
    metricsPort: server.get('monitoring')
      ? context.ports.takeOrDraw(metricsPort, 'port_monitoring')
      : undefined,
    endpointsFile:
      endpointsFile === undefined ? undefined : context.environment.path(endpointsFile, context.cwd),
  };
}

/** Milliseconds; −1 and 0 mean that there is no bound. */
export const bound = (ms: number | undefined): number | undefined =>
  ms !== undefined && ms > 0 ? ms : undefined;

function readListeners(
  server: Section<typeof WITH_KEYS>,
  uvicorn: Section<typeof UVICORN_KEYS>,
  context: Context,
): Listener[] {
  const protocols = server.get('protocol');
  const single = uvicorn.given('port');
  const ports = server.given('port') ?? (single && { ...single, value: [single.value] });
  const where = server.given('protocol') ?? ports;
  if (protocols.length === 0)
    context.findings.fault(where!.at, where!.key, 'expected at least one protocol, got none');
  if (ports && ports.value.length !== protocols.length) {
    context.findings.fault(
      ports.at,
      ports.key,
      `expected as many ports as protocols (${protocols.length}), got ${ports.value.length}`,
    );
    return [];
  }
  return protocols.map((protocol, index) => ({
    protocol,
    port: context.ports.takeOrDraw(ports && { ...ports, value: ports.value[index]! }, 'port'),
  }));
}

/** Upstream's map goes from the executor's endpoint to the HTTP route. */
function readExposed(given: Given<Node> | undefined, context: Context): ExposedEndpoint[] {
  if (given === undefined) return [];
  const { findings } = context;
  const node = asMap(given, context);
  if (node?.kind !== 'map') {
    findings.fault(
      given.at,
      given.key,
      `expected a map of endpoints, or its JSON text, got ${describe(given.value)}`,
    );
    return [];
  }
  return node.entries.map(({ key: endpoint, at, value }) => {
    const key = `${given.key}.${endpoint}`;
    const section = readSection(EXPOSED_KEYS, value, key, findings);
    const path = section.get('http_path') ?? endpoint;
    if (!/^\/[^\s?#]*$/.test(path) || !endpoint.startsWith('/'))
      findings.fault(at, key, `expected a path that starts with /, got ${JSON.stringify(path)}`);
    return {
      path,
      endpoint,
      methods: section.get('methods'),
      summary: section.get('summary'),
      tags: section.get('tags'),
    };
  });
}

function asMap({ value, at, key }: Given<Node>, { findings }: Context): Node | undefined {
  if (value.kind !== 'scalar') return value;
  try {
    return parseYaml(value.text, `${at.origin}:${at.line}: ${key}`, findings);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
