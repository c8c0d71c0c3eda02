import type { Config } from './config/config.ts';
import { type ChoiceHooks, chooseEngines } from './engine/choice.ts';
import type { LostCause } from './engine/engine.ts';
import type { TensorRtPaths } from './engine/tensorrt/serve.ts';
import { ClipError } from './errors.ts';
import { findModel } from './model/catalogue.ts';
import { columnsOf } from './model/columns.ts';
import { prepareModel } from './model/prepare.ts';
import type { OnProgress } from './model/progress.ts';
import { obtainAddon } from './native/build.ts';
import { keepTrimmed } from './native/trim.ts';
import { readiness } from './observe/health.ts';
import type { Logger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { startTelemetry } from './observe/telemetry.ts';
import { planTelemetry } from './observe/telemetry-plan.ts';
import { openPlayground } from './playground/playground.ts';
import { ImagePreprocessor } from './preprocess/image/preprocessor.ts';
import { createTokenizer } from './preprocess/text/tokenizer.ts';
import { UriLoader } from './preprocess/uri/uri-loader.ts';
import { listen, type Sockets } from './protocol/listen.ts';
import { Admission } from './schedule/admission.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { ServiceGate } from './service/gate.ts';
import type { EmbeddingService, ServiceDescription } from './service/item.ts';
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
  /** Present where the flow asks for TensorRT, the host can run it, and whoever started this process ends it well. */
  readonly gpu?: {
    readonly tensorrt: TensorRtPaths;
    /** The process is of no use any more: requests are refused until it is closed. */
    onLost(cause: LostCause, error: Error): void;
    /** How often serving processes were started anew, by cause. */
    readonly restarts: Readonly<Record<string, number>>;
  };
  readonly instead?: ChoiceHooks['instead'];
}

export interface Server {
  readonly endpoints: Sockets['endpoints'];
  readonly metricsPorts: Sockets['metricsPorts'];
  readonly metrics: Metrics;
  readonly description: ServiceDescription;
  readonly reloadCertificates: Sockets['reloadCertificates'];
  /** Refuses what comes, finishes what is in flight within `limits.drainMs`, ends everything. Idempotent. */
  close(): Promise<void>;
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
  const metrics = new Metrics(config.executor.name);
  const gate = new ServiceGate();
  for (const [cause, count] of Object.entries(hooks.gpu?.restarts ?? {}))
    metrics.processRestarts.inc({ cause }, count);
  try {
    const health = { ready: () => readiness(gate.vitals()) };
    const { log, version } = hooks;
    const telemetry = await startTelemetry({
      plan: planTelemetry(config.telemetry, process.env),
      service: `${config.executor.name}/rep-0`,
      version,
      log,
    });
    closers.add(() => telemetry.close());
    metrics.jina.exportTo(telemetry.meter);
    const playground = hasPlayground(config) && (await openPlayground({ service: gate, log }));
    const site = { config, service: gate, health, metrics, log, version, ...(playground && { playground }) };
    const sockets = await listen(site);
    closers.add(() => sockets.close(config.limits.drainMs));
    const service = await serveModel(config, { ...hooks, metrics, gate, closers });
    closers.add(() => service.drain(config.limits.drainMs));
    if (playground) closers.add(() => playground.gallery.close());
    gate.open(service);
    return { ...sockets, metrics, description: service.describe(), close: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}

function hasPlayground({ gateway }: Config): boolean {
  return gateway.playground && gateway.listeners.some(({ protocol }) => protocol === 'http');
}

export interface OpenService {
  readonly service: EmbeddingService;
  /** Refuses what comes, finishes what is in flight, ends everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * The model, its preprocessing and its engines without any socket, for a command that embeds by itself.
 *
 * @throws as `startServer`
 */
export async function openService(config: Config, given: Hooks): Promise<OpenService> {
  const hooks = { ...given, signal: withinStartTime(config, given.signal) };
  const closers = new Closers();
  const gate = new ServiceGate();
  try {
    const service = await serveModel(config, { ...hooks, metrics: new Metrics(), gate, closers });
    closers.add(() => service.drain(config.limits.drainMs));
    return { service, close: () => closers.close() };
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

/** What the flow calls the model; a folder's path is nobody's business. */
function namesOf({ model, modelPath }: Config['executor']): string[] {
  return model === modelPath ? [] : [model];
}

interface ModelHooks extends Hooks {
  readonly metrics: Metrics;
  readonly gate: ServiceGate;
  readonly closers: Closers;
}

async function serveModel(config: Config, hooks: ModelHooks): Promise<Service> {
  const { log, signal, metrics, gpu, closers } = hooks;
  const { executor, limits } = config;
  const { model, modelPath } = executor;
  const prepared = await prepareModel({ name: model, modelPath }, config.files, hooks);
  for (const warning of prepared.warnings) log.warn(warning);
  const tokenizer = await createTokenizer(prepared.contract, limits);
  const encode = (text: string) => tokenizer.encode(text);
  let scheduler: Scheduler | undefined;
  const loss = gpu && {
    gpu: { ...gpu, onLost: lossOf({ ...hooks, gpu }, (reason) => scheduler?.close(reason)) },
  };
  const resolution = prepared.contract.image.resolution!;
  const workers = executor.preprocessWorkers * executor.replicas;
  const addon = await obtainAddon(log, signal);
  log.debug({ jpeg: addon.jpeg }, `JPEGs are decoded by ${addon.jpeg.by}`);
  const images = new ImagePreprocessor({ resolution, workers, limits, addon, metrics });
  closers.add(() => images.close());
  const crop = (file: Uint8Array) => images.fromBytes(file, signal);
  const uris = new UriLoader({ config: config.fetch, limits, metrics, log });
  closers.add(() => uris.close());
  const chosen = await chooseEngines(config, prepared.contract, { ...hooks, ...loss, encode, crop });
  closers.add(() => chosen.close());
  const { contract, engines, instead } = chosen;
  scheduler = new Scheduler({
    engines,
    maxBatch: executor.minibatchSize,
    columnsOf: (text) => columnsOf(text, contract.text.cut),
    ...(contract.image.tokens && { tokensPerImage: contract.image.tokens }),
    limits,
    startMs: START_MS,
    metrics,
    log,
  });
  closers.add(() => scheduler?.close());
  await scheduler.start(signal);
  await addon.trimMemory();
  closers.add(keepTrimmed(addon));
  const admission = new Admission({ limits, metrics });
  return new Service({
    ...(instead && { instead }),
    model: contract.name,
    aliases: [...(findModel(contract.name)?.aliases ?? []), ...namesOf(executor)],
    resolution,
    tokenizer,
    images,
    uris,
    urisAtOnce: config.fetch.concurrency,
    scheduler,
    admission,
    metrics,
    queueMs: limits.queueMs,
    ...prepared.contract.traits,
  });
}

/** The driver writes faults of the hardware there, and applications' own. */
const WHERE_MORE = "the kernel's log may say more, as an Xid (dmesg | grep Xid)";

/** What happens when a GPU is lost: no request is let in any more, those in flight are refused, and whoever started this learns it. */
function lossOf(
  { log, gate, gpu }: ModelHooks & Required<Pick<Hooks, 'gpu'>>,
  refuse: (reason: ClipError) => Promise<void> | undefined,
) {
  let isLost = false;
  return (cause: LostCause, error: Error) => {
    if (isLost) return;
    isLost = true;
    log.error({ err: error, cause }, `the GPU is lost to this process, which ends; ${WHERE_MORE}`);
    const reason = new ClipError(
      'not_ready',
      `the GPU is lost, and the server starts anew: ${error.message}`,
    );
    gate.lose(reason);
    void refuse(reason);
    gpu.onLost(cause, error);
  };
}
