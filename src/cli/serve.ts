import { text } from 'node:stream/consumers';
import { type Config, ConfigError } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import { type Instead, refuseWithoutFallback } from '../engine/instead.ts';
import { ClipError } from '../errors.ts';
import { EXAMINATION_MS, examineGpu, type GpuFacts } from '../host/report.ts';
import { tensorRtOf } from '../host/verdict.ts';
import { loadAddon } from '../native/addon.ts';
import { createLog, type Logger } from '../observe/log.ts';
import { superviseServing } from './supervise.ts';

/** For who has just begun, and has no network. */
const DEMO =
  'Without a download, clip-server demo (in a clone: npm start) serves a small model that is part of this program.';

/** `clip-server [FLOW]`: serves until a signal, then drains. Resolves to the exit code. */
export async function serve(args: string[]): Promise<number> {
  try {
    return await serveFlow(args);
  } catch (error) {
    const isFirstTry = args.length === 0 && error instanceof ClipError && error.code === 'model_unavailable';
    throw isFirstTry ? new ClipError(error.code, `${error.message}\n${DEMO}`, { cause: error }) : error;
  }
}

async function serveFlow(args: string[]): Promise<number> {
  const signal = onSignals();
  const config = await configFrom(args, signal);
  Object.assign(process.env, config.environment);
  const log = createLog(config.log, config.name);
  for (const warning of config.warnings) log.warn(warning);
  const { runtime } = config.executor;
  if (runtime === 'tensorrt') return serveByTensorRt(config, log, signal);
  if (runtime === 'torch')
    log.info('a torch flow: ONNX Runtime serves it, with the ONNX files of the same model');
  return serveHere(config, log, signal);
}

/** In a process of its own where the host can run TensorRT. @throws ConfigError where it cannot, and nothing else may serve */
async function serveByTensorRt(config: Config, log: Logger, signal: AbortSignal): Promise<number> {
  let facts: GpuFacts;
  try {
    facts = await examineGpu({ signal, limitMs: EXAMINATION_MS, environment: process.env });
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  }
  const tensorrt = tensorRtOf(facts);
  if (!('lacking' in tensorrt)) return superviseServing(config, tensorrt, log, signal);
  const instead: Instead = { reason: 'host', words: tensorrt.lacking };
  refuseWithoutFallback(config, instead);
  const { device, deviceIsExplicit } = config.executor;
  // Where there is no GPU at all, ONNX Runtime would say so once more.
  const onCpu = !deviceIsExplicit && !hasGpu(facts);
  const place = onCpu ? ', on the CPU' : '';
  const advice = 'clip-server doctor says what to install';
  log.info(
    `a TensorRT flow, and this host cannot run it: ${instead.words}; ONNX Runtime serves it${place}; ${advice}`,
  );
  const executor = { ...config.executor, device: onCpu ? { ...device, kind: 'cpu' as const } : device };
  return serveHere({ ...config, executor }, log, signal, instead);
}

function hasGpu({ driver }: GpuFacts): boolean {
  return 'gpus' in driver && driver.gpus.length > 0;
}

/** What serves is loaded for this alone: a supervisor stays small. */
async function serveHere(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  instead?: Instead,
): Promise<number> {
  const { serveUntil } = await import('./serve-until.ts');
  return serveUntil(signal, config, { log, ...(instead && { instead }) });
}

async function configFrom(args: string[], signal: AbortSignal): Promise<Config> {
  const stdin = args.includes('-i') || args.includes('-');
  const [argument, ...rest] = args.filter((arg) => arg !== '-i' && arg !== '-');
  const unknown = [argument, ...rest].find((arg) => arg?.startsWith('-'));
  if (unknown !== undefined)
    throw new ConfigError(`unknown option ${unknown}; clip-server --help lists them`);
  if (rest.length > 0) throw new ConfigError(`expected one flow, got ${rest.length + 1}: ${args.join(' ')}`);
  return readConfig(stdin ? { stdin: await text(process.stdin) } : { argument }, process.env, { signal });
}

/** The first signal asks for the end; the second one doesn't wait for it. */
function onSignals(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) loadAddon().exitNow(1);
      stop.abort(new Error(`stopped by ${name}`));
    });
  return stop.signal;
}
