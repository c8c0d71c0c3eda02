import { availableParallelism } from 'node:os';
import { type Config, ConfigError, type Device, type ExecutorConfig } from './config/config.ts';
import { type OnnxEngines, onnxEngines, threadsPerReplica } from './engine/onnx.ts';
import { testCard } from './engine/onnx-open.ts';
import { prepareModel } from './model/prepare.ts';
import type { OnProgress } from './model/progress.ts';
import type { ModelContract, Tower, TowerInput } from './model/tower.ts';
import { obtainAddon } from './native/build.ts';
import { readiness } from './observe/health.ts';
import type { Logger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { ImagePreprocessor } from './preprocess/image/preprocessor.ts';
import { createTokenizer } from './preprocess/text/tokenizer.ts';
import { UriLoader } from './preprocess/uri/uri-loader.ts';
import { startMetricsListener } from './protocol/http/metrics-listener.ts';
import { type StartedHttp, startHttp } from './protocol/http/start.ts';
import { Admission } from './schedule/admission.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { ServiceGate } from './service/gate.ts';
import type { ServiceDescription } from './service/item.ts';
import { Service } from './service/service.ts';

/** Time that an engine has to load. */
const START_MS = 3_000_000;

export interface Hooks {
  readonly log: Logger;
  readonly progress: OnProgress;
  /** Ends the start, whatever it waits for. */
  readonly signal: AbortSignal;
  /** Of this program. */
  readonly version: string;
}

export interface Server {
  readonly endpoints: readonly StartedHttp[];
  readonly metricsPorts: readonly number[];
  readonly metrics: Metrics;
  readonly description: ServiceDescription;
  /** Refuses what comes, finishes what is in flight within `limits.drainMs`, ends everything. Idempotent. */
  close(): Promise<void>;
  /** Threads still inside an engine that hangs: while there is one, the process must end by a signal to itself. */
  computing(): number;
}

/** What was begun, ended in reverse order. */
class Closers {
  readonly #steps: (() => unknown)[] = [];
  #closing: Promise<void> | undefined;

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      for (const step of this.#steps.reverse()) await step();
    })();
    return this.#closing;
  }
}

/**
 * The order of things: sockets first, so that probes are answered from the first second on; then the model's files; its
 * tokeniser, pixels and engines; then the gate opens.
 *
 * @throws ConfigError; ClipError model_unavailable, model_invalid, engine_failed; Error of a port. What was begun is ended.
 */
export async function startServer(config: Config, given: Hooks): Promise<Server> {
  const hooks = { ...given, signal: withinStartTime(config, given.signal) };
  const closers = new Closers();
  const metrics = new Metrics();
  const gate = new ServiceGate();
  try {
    const sockets = await listen(config, gate, metrics, hooks, closers);
    const { model, modelPath } = config.executor;
    const prepared = await prepareModel({ name: model, modelPath }, config.files, hooks);
    for (const warning of prepared.warnings) hooks.log.warn(warning);
    const { service, computing } = await serveModel(config, prepared.contract, metrics, hooks, closers);
    closers.add(() => service.drain(config.limits.drainMs));
    gate.open(service);
    return { ...sockets, metrics, description: service.describe(), close: () => closers.close(), computing };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

function withinStartTime({ executor }: Config, signal: AbortSignal): AbortSignal {
  const ms = executor.startTimeoutMs;
  if (ms === undefined) return signal;
  const late = new AbortController();
  const reason = new Error(`the start took longer than timeout_ready allows, ${ms} ms`);
  setTimeout(() => late.abort(reason), ms).unref();
  return AbortSignal.any([signal, late.signal]);
}

async function listen(config: Config, gate: ServiceGate, metrics: Metrics, hooks: Hooks, closers: Closers) {
  const { gateway, executor, limits } = config;
  const { log, version } = hooks;
  const endpoints: StartedHttp[] = [];
  for (const listener of gateway.listeners) {
    if (listener.protocol !== 'http')
      throw new ConfigError(
        `${config.origin}: protocol: expected http, got ${listener.protocol}, which this version does not serve`,
      );
    const health = { ready: () => readiness(gate.vitals()) };
    const site = { config, service: gate, health, metrics, log, version };
    const started = await startHttp({ ...site, listener });
    closers.add(() => started.close(limits.drainMs));
    endpoints.push(started);
  }
  const metricsPorts: number[] = [];
  for (const port of [gateway.metricsPort, executor.metricsPort]) {
    if (port === undefined) continue;
    const listener = await startMetricsListener({ host: gateway.host, port, metrics, log });
    closers.add(() => listener.close(limits.drainMs));
    metricsPorts.push(listener.port);
  }
  return { endpoints, metricsPorts };
}

async function serveModel(
  config: Config,
  contract: ModelContract,
  metrics: Metrics,
  { log, signal }: Hooks,
  closers: Closers,
) {
  const { executor, limits, gateway } = config;
  const tokenizer = await createTokenizer(contract, limits);
  const resolution = contract.image.resolution!;
  const workers = executor.preprocessWorkers * executor.replicas;
  const addon = await obtainAddon(log, signal);
  log.debug({ jpeg: addon.jpeg }, `JPEGs are decoded by ${addon.jpeg.by}`);
  const images = new ImagePreprocessor({ resolution, workers, limits, addon, metrics });
  closers.add(() => images.close());
  const uris = new UriLoader({ config: config.fetch, limits, metrics, log });
  closers.add(() => uris.close());
  const text = towerEngines(config, contract, 'text', tokenizer.encode('a photo of a cat'));
  const image = towerEngines(config, contract, 'image', testCard(resolution));
  const factories = (engines: OnnxEngines[]) => engines.map(({ create }) => create);
  const scheduler = new Scheduler({
    engines: { text: factories(text), image: factories(image) },
    maxBatch: executor.minibatchSize,
    limits,
    startMs: START_MS,
    metrics,
    log,
  });
  closers.add(() => scheduler.close());
  await scheduler.start(signal);
  const admission = new Admission({ limits, metrics });
  const service = new Service({
    model: contract.name,
    resolution,
    tokenizer,
    images,
    uris,
    urisAtOnce: config.fetch.concurrency,
    scheduler,
    admission,
    metrics,
    queueMs: limits.queueMs,
    requestTimeoutMs: gateway.requestTimeoutMs,
  });
  const computing = () => [...text, ...image].reduce((sum, engines) => sum + engines.computing(), 0);
  return { service, computing };
}

/** One maker of a tower's engines per replica, each with its device and its share of the CPU's threads. */
function towerEngines(
  { executor, environment }: Config,
  contract: ModelContract,
  tower: Tower,
  probe: TowerInput,
): OnnxEngines[] {
  const threads = threadsPerReplica(executor.threads ?? availableParallelism(), executor.replicas);
  const visible = environment.CUDA_VISIBLE_DEVICES?.split(',') ?? [];
  return threads.map((share, replica) =>
    onnxEngines({
      contract: contract[tower],
      probe,
      threads: share,
      device: replicaDevice(executor, replica, visible),
      deviceIsExplicit: executor.deviceIsExplicit,
    }),
  );
}

/** CUDA numbers its devices by their place in the mask. */
function replicaDevice(executor: ExecutorConfig, replica: number, visible: readonly string[]): Device {
  const bound = executor.replicaDevices[replica];
  if (bound === undefined) return executor.device;
  return { kind: executor.device.kind, index: Math.max(0, visible.indexOf(bound)) };
}
