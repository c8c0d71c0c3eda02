import type { Config } from './config.ts';
import type { Context } from './context.ts';
import { type CountDevices, countCudaDevices } from './devices.ts';
import { type Item, readExecutor, readItems } from './executor.ts';
import { Findings } from './findings.ts';
import { readGateway } from './gateway.ts';
import { TOP_KEYS, UVICORN_KEYS, WITH_KEYS } from './keys/flow.ts';
import { GRPC_KEYS } from './keys/grpc.ts';
import { homeOf } from './keys.ts';
import { isNull, type Node, quote } from './node.ts';
import { Ports } from './ports.ts';
import { readSection, type Section } from './section.ts';
import { readFetch, readFiles, readLimits, readLog } from './server.ts';
import { type FlowSource, loadSource } from './source.ts';
import { substitute } from './substitute.ts';
import { readTelemetry } from './telemetry.ts';
import { Environment } from './variables.ts';
import { parseYaml } from './yaml.ts';

export interface ReadOptions {
  /** Where relative paths start; the process's working directory where absent. */
  readonly cwd?: string;
  /** Asked only where `CUDA_VISIBLE_DEVICES` is `RR…`. */
  readonly countDevices?: CountDevices;
  /** Ends the load of a URL or a pipe. */
  readonly signal?: AbortSignal;
}

type Top = Section<typeof TOP_KEYS>;
type Server = Section<typeof WITH_KEYS>;

/**
 * Turns the command line's argument, or the text from stdin, into the configuration. `environment` is read and not changed.
 * Throws a ConfigError with all faults, one per line, each with file, line and key.
 */
export async function readConfig(
  source: FlowSource,
  environment: NodeJS.ProcessEnv,
  options: ReadOptions = {},
): Promise<Config> {
  const cwd = options.cwd ?? process.cwd();
  const findings = new Findings();
  const { text, origin, directory, notice } = await loadSource(source, cwd, options.signal);
  if (notice) findings.notice(notice);
  const root = parseYaml(text, origin, findings);
  if (isNull(root)) findings.fault(root.at, 'the flow', 'expected a map, got nothing');
  substitute(root, environment, findings);
  const flow = readFlow(root, origin, findings);
  const variables = new Environment(environment);
  for (const map of envMaps(flow)) variables.add(map, findings);
  const values = variables.read(findings);
  const context: Context = {
    findings,
    environment: variables,
    variables: values,
    ports: new Ports(values, namedPorts(flow), findings),
    cwd,
    directory,
    signal: options.signal,
  };
  const config = await build(flow, context, options.countDevices);
  findings.check();
  return config;
}

interface Flow {
  readonly top: Top;
  /** `gateway` over `with`. */
  readonly server: Server;
  readonly uvicorn: Section<typeof UVICORN_KEYS>;
  readonly grpc: Section<typeof GRPC_KEYS>;
  /** `with`, from which executors inherit. */
  readonly shared: Server;
  readonly items: readonly Item[];
  readonly origin: string;
}

function readFlow(root: Node, origin: string, findings: Findings): Flow {
  const top = readSection(TOP_KEYS, root, '', findings, homeOf);
  checkHead(top, root.tag, origin, findings);
  const shared = readSection(WITH_KEYS, top.get('with'), 'with', findings, homeOf);
  const server = readSection(WITH_KEYS, top.get('gateway'), 'gateway', findings, homeOf).over(shared);
  const kwargs = server.given('uvicorn_kwargs');
  const uvicorn = readSection(UVICORN_KEYS, kwargs?.value, kwargs?.key ?? '', findings);
  const options = server.given('grpc_server_options');
  const grpc = readSection(GRPC_KEYS, options?.value, options?.key ?? '', findings);
  return { top, server, uvicorn, grpc, shared, items: readItems(top.given('executors'), findings), origin };
}

/** Later ones come before earlier ones. */
const envMaps = ({ shared, server, items }: Flow) => [
  shared.given('env'),
  server.given('env'),
  ...items.map(({ section }) => section.given('env')),
];

const namedPorts = ({ server, uvicorn, items }: Flow): number[] => [
  ...(server.get('port') ?? []),
  ...[uvicorn.get('port'), server.get('port_monitoring')].filter((port) => port !== undefined),
  ...items.flatMap(({ section }) => section.get('port_monitoring') ?? []),
];

async function build(flow: Flow, context: Context, countDevices?: CountDevices): Promise<Config> {
  const { top, server, uvicorn, grpc, shared, items, origin } = flow;
  const { environment, findings } = context;
  const executors = items.map(({ section }) => section);
  const gateway = await readGateway(server, uvicorn, grpc, executors, context);
  const executor = await readExecutor(
    items,
    shared,
    context,
    countDevices ?? (() => countCudaDevices(environment.all)),
  );
  return {
    origin,
    name: server.get('name') ?? top.get('name') ?? 'flow',
    gateway,
    executor,
    limits: readLimits(server, uvicorn, grpc, context),
    fetch: readFetch(server, context),
    ...readFiles(server, context),
    log: readLog(server, executors, context),
    telemetry: readTelemetry([server, ...executors], context),
    environment: environment.additions,
    warnings: findings.warnings,
  };
}

function checkHead(top: Top, tag: string | undefined, origin: string, findings: Findings): void {
  const jtype = top.given('jtype');
  const type = jtype?.value ?? tag;
  const at = jtype?.at ?? { origin, line: 1 };
  if (type === undefined) findings.warn(at, 'jtype', 'expected Flow, got nothing; taken as Flow');
  else if (type !== 'Flow') findings.fault(at, 'jtype', `expected Flow, got ${quote(type)}`);
  const version = top.given('version');
  if (version === undefined || version.value === '1') return;
  if (/^1(\.\d+)*$/.test(version.value))
    findings.warn(version.at, 'version', `${version.value} is taken as 1`);
  else findings.fault(version.at, 'version', `expected 1, got ${quote(version.value)}`);
}
