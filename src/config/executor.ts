import { access } from 'node:fs/promises';
import type { Device, ExecutorConfig, Runtime } from './config.ts';
import type { Context } from './context.ts';
import { bindReplicas, type CountDevices } from './devices.ts';
import { bound } from './gateway.ts';
import { ENCODER_KEYS, EXECUTOR_KEYS } from './keys/executor.ts';
import type { WITH_KEYS } from './keys/flow.ts';
import { homeOf } from './keys.ts';
import { describe, isNull, type Node, type Place, quote } from './node.ts';
import { type Given, readSection, Section } from './section.ts';
import { PACKAGE_FOLDER } from './source.ts';
import { type Encoder, readUses, type Uses } from './uses.ts';
import { choice } from './values.ts';

const METHOD = choice(['encode', 'rank']);

/** An item of `executors`, read by its table. */
export interface Item {
  readonly section: Section<typeof EXECUTOR_KEYS>;
  /** `executors[0]`, for messages. */
  readonly label: string;
  readonly at: Place;
}

export function readItems(given: Given<Node> | undefined, findings: Context['findings']): Item[] {
  if (given === undefined || isNull(given.value)) return [];
  if (given.value.kind !== 'list') {
    findings.fault(given.at, given.key, `expected a list of executors, got ${describe(given.value)}`);
    return [];
  }
  return given.value.items.map((node, index) => {
    const label = `${given.key}[${index}]`;
    if (isNull(node)) findings.fault(node.at, label, 'expected a map, got nothing');
    return { label, at: node.at, section: readSection(EXECUTOR_KEYS, node, label, findings, homeOf) };
  });
}

/** The one CLIP executor; without items, that of torch-flow.yml. `server` is `with`, which it inherits from. */
export async function readExecutor(
  items: readonly Item[],
  server: Section<typeof WITH_KEYS>,
  context: Context,
  countDevices: CountDevices,
): Promise<ExecutorConfig> {
  const [item, uses] = await chooseEncoder(items, context);
  const { section, label } = item;
  const { encoder, runtime } = uses;
  const replicas = section.given('replicas')?.value ?? server.get('replicas') ?? section.get('replicas');
  const device = readDevice(encoder, runtime, context);
  const replicaDevices = await bindDevices(replicas, device, context, countDevices);
  const modelPath = encoder.get('model_path');
  const ready =
    section.given('timeout_ready')?.value ?? server.get('timeout_ready') ?? section.get('timeout_ready');
  return {
    name: readName(section, label, context),
    runtime,
    replicas,
    // The default name says nothing about a folder of the user's own.
    model: (modelPath !== undefined && !encoder.given('name') && modelPath) || encoder.get('name'),
    modelPath: modelPath === undefined ? undefined : await findModel(modelPath, context),
    device,
    deviceIsExplicit: encoder.given('device') !== undefined,
    replicaDevices,
    minibatchSize: encoder.get('minibatch_size'),
    rewrite: encoder.get('rewrite'),
    fallback: readFallback(encoder, runtime, context),
    canaryMs: 1000 * encoder.get('canary_interval'),
    preprocessWorkers: encoder.get('num_worker_preprocess'),
    accessPaths: readAccessPaths(encoder, context),
    endpoints: readEndpoints(uses, context),
    startTimeoutMs: bound(ready),
    threads: context.variables.get('OMP_NUM_THREADS'),
    metricsPort: readMetricsPort(section, server, label, context),
  };
}

/** In the working directory, else in the program's own folder, where the model of the demo lies. */
async function findModel(written: string, { environment, cwd }: Context): Promise<string> {
  const path = environment.path(written, cwd);
  const own = environment.path(written, PACKAGE_FOLDER);
  const isOwn = !(await isThere(path)) && (await isThere(own));
  return isOwn ? own : path;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Resolves `CUDA_VISIBLE_DEVICES=RR…`, and puts what CUDA must see in its place. */
async function bindDevices(
  replicas: number,
  device: Device,
  { variables, environment, findings }: Context,
  countDevices: CountDevices,
): Promise<readonly string[]> {
  const mask = variables.given('CUDA_VISIBLE_DEVICES');
  const { replicaDevices, visible } = await bindReplicas(mask, replicas, device, countDevices, findings);
  if (visible !== undefined) environment.set('CUDA_VISIBLE_DEVICES', { ...mask!, value: visible });
  return replicaDevices;
}

async function chooseEncoder(items: readonly Item[], context: Context): Promise<[Item, Uses]> {
  const { findings } = context;
  const encoders: [Item, Uses][] = [];
  for (const item of items) {
    const external = item.section.given('external');
    if (external?.value)
      findings.fault(
        external.at,
        external.key,
        'expected false, got true: this server cannot be the gateway of an executor elsewhere',
      );
    const uses = await readUses(item.section, item.label, item.at, context);
    if (uses) encoders.push([item, uses]);
  }
  const [chosen, second] = encoders;
  if (second)
    findings.fault(
      second[0].at,
      second[0].label,
      'expected one CLIP executor, got another; use replicas for more copies of a model',
    );
  if (chosen) return chosen;
  if (items.length === 0)
    findings.notice('the flow names no executor, so the one of torch-flow.yml is served');
  return builtIn();
}

/** The executor of torch-flow.yml. It also stands in where all items are at fault, for the rest to be checked. */
function builtIn(): [Item, Uses] {
  const name: Given<string> = { value: 'clip_t', at: { origin: 'built-in' }, key: 'name' };
  const section = new Section(EXECUTOR_KEYS, new Map([['name', name]]));
  const uses: Uses = { runtime: 'torch', encoder: new Section(ENCODER_KEYS, new Map()), requests: [] };
  return [{ section, label: 'executors[0]', at: name.at }, uses];
}

function readName(section: Section<typeof EXECUTOR_KEYS>, label: string, { findings }: Context): string {
  const name = section.given('name');
  if (name && !/^[A-Za-z_][\w-]{0,99}$/.test(name.value))
    findings.fault(
      name.at,
      name.key,
      `expected letters, digits, _ and -, with a letter first, got ${quote(name.value)}`,
    );
  return name?.value ?? label.replace(/^\w+\[(\d+)\]$/, 'executor$1');
}

function readDevice(encoder: Encoder, runtime: Runtime, { findings }: Context): Device {
  const given = encoder.given('device');
  if (given === undefined) return { kind: runtime === 'tensorrt' ? 'cuda' : 'auto', index: 0 };
  if (runtime === 'tensorrt' && given.value.kind === 'cpu')
    findings.fault(given.at, given.key, 'expected cuda or cuda:N for clip_tensorrt, got cpu');
  return given.value;
}

function readFallback(encoder: Encoder, runtime: Runtime, { findings }: Context): boolean {
  const given = encoder.given('fallback');
  if (given && runtime !== 'tensorrt')
    findings.warn(given.at, given.key, `clip_${runtime} is always served by ONNX Runtime`);
  return encoder.get('fallback');
}

function readAccessPaths(encoder: Encoder, { findings }: Context): string {
  const old = encoder.given('traversal_paths');
  if (old) findings.warn(old.at, old.key, 'the name is deprecated; write access_paths');
  return old?.value ?? encoder.get('access_paths');
}

/** As upstream: a method that gets an endpoint of its own leaves the one that it had. */
function readEndpoints({ requests }: Uses, { findings }: Context): ReadonlyMap<string, 'encode' | 'rank'> {
  const endpoints = new Map<string, 'encode' | 'rank'>([
    ['/default', 'encode'],
    ['/rank', 'rank'],
  ]);
  const written = new Map(
    requests.flatMap(({ key, map }) =>
      map.entries.map((entry) => [entry.key, { ...entry, path: `${key}.${entry.key}` }]),
    ),
  );
  const own = { encode: '/default', rank: '/rank' };
  for (const [endpoint, { value, at, path }] of written) {
    const method = METHOD.read(value, () => {}) as 'encode' | 'rank' | undefined;
    if (method === undefined) findings.fault(at, path, `expected ${METHOD.expected}, got ${describe(value)}`);
    else if (!endpoint.startsWith('/'))
      findings.fault(at, path, `expected an endpoint that starts with /, got ${quote(endpoint)}`);
    else {
      if (!written.has(own[method])) endpoints.delete(own[method]);
      endpoints.set(endpoint, method);
    }
  }
  return endpoints;
}

function readMetricsPort(
  section: Section<typeof EXECUTOR_KEYS>,
  server: Section<typeof WITH_KEYS>,
  label: string,
  context: Context,
): number | undefined {
  if (!(section.get('monitoring') ?? server.get('monitoring'))) return undefined;
  const ports = section.given('port_monitoring');
  const [first, ...rest] = ports?.value ?? [];
  if (rest.length > 0)
    context.findings.warn(
      ports!.at,
      ports!.key,
      `all replicas are served on port ${first}; ${rest.join(', ')} stay closed`,
    );
  const own = first === undefined ? undefined : { ...ports!, value: first };
  return context.ports.takeOrDraw(own, `${label}.port_monitoring`);
}
