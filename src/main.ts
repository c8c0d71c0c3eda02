import { availableParallelism } from 'node:os';
import type { Config } from './config/config.ts';
import { replicaEngines } from './engine/replicas.ts';
import { servedModel } from './engine/rewrite/towers.ts';
import { findModel } from './model/catalogue.ts';
import { columnsOf } from './model/columns.ts';
import { prepareModel } from './model/prepare.ts';
import type { OnProgress } from './model/progress.ts';
import type { ModelContract } from './model/tower.ts';
import { obtainAddon } from './native/build.ts';
import { keepTrimmed } from './native/trim.ts';
import { readiness } from './observe/health.ts';
import type { Logger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { startTelemetry } from './observe/telemetry.ts';
import { planTelemetry } from './observe/telemetry-plan.ts';
import { ImagePreprocessor } from './preprocess/image/preprocessor.ts';
import { createTokenizer } from './preprocess/text/tokenizer.ts';
import { UriLoader } from './preprocess/uri/uri-loader.ts';
import { listen, type Sockets } from './protocol/listen.ts';
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
    const sockets = await listen({ config, service: gate, health, metrics, log, version });
    closers.add(() => sockets.close(config.limits.drainMs));
    const { model, modelPath } = config.executor;
    const prepared = await prepareModel({ name: model, modelPath }, config.files, hooks);
    for (const warning of prepared.warnings) hooks.log.warn(warning);
    const served = await servedModel(prepared.contract, {
      ...hooks,
      rewrite: config.executor.rewrite,
      cache: config.files.cache,
      threads: config.executor.threads ?? availableParallelism(),
      metrics,
    });
    closers.add(() => served.close());
    const service = await serveModel(config, served.contract, metrics, hooks, closers);
    closers.add(() => service.drain(config.limits.drainMs));
    gate.open(service);
    return { ...sockets, metrics, description: service.describe(), close: () => closers.close() };
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

async function serveModel(
  config: Config,
  contract: ModelContract,
  metrics: Metrics,
  { log, progress, signal }: Hooks,
  closers: Closers,
) {
  const { executor, limits } = config;
  const tokenizer = await createTokenizer(contract, limits);
  const resolution = contract.image.resolution!;
  const workers = executor.preprocessWorkers * executor.replicas;
  const addon = await obtainAddon(log, signal);
  log.debug({ jpeg: addon.jpeg }, `JPEGs are decoded by ${addon.jpeg.by}`);
  const images = new ImagePreprocessor({ resolution, workers, limits, addon, metrics });
  closers.add(() => images.close());
  const uris = new UriLoader({ config: config.fetch, limits, metrics, log });
  closers.add(() => uris.close());
  const probe = tokenizer.encode('a photo of a cat');
  const scheduler = new Scheduler({
    engines: replicaEngines(config, contract, probe, progress),
    maxBatch: executor.minibatchSize,
    columnsOf: (text) => columnsOf(text, contract.text.cut),
    ...(contract.image.tokens && { tokensPerImage: contract.image.tokens }),
    limits,
    startMs: START_MS,
    metrics,
    log,
  });
  closers.add(() => scheduler.close());
  await scheduler.start(signal);
  await addon.trimMemory();
  closers.add(keepTrimmed(addon));
  const admission = new Admission({ limits, metrics });
  return new Service({
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
    ...contract.traits,
  });
}
