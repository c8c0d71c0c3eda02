import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BuildRequest } from '../build.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import type { PlannedTower } from '../engine/tensorrt/build-plan.ts';
import type { PlanRecord } from '../engine/tensorrt/plan.ts';
import { EXAMINATION_MS, examineGpu } from '../host/report.ts';
import { type FoundTensorRt, tensorRtOf } from '../host/verdict.ts';
import { resolveModel } from '../model/catalogue.ts';
import { createLog } from '../observe/log.ts';
import { createProgress, megabytes } from './progress.ts';

const PRECISIONS = ['fp16', 'fp32-residual', 'fp32', 'bf16'] as const;

const USAGE = `Usage: clip-server build NAME|DIR [options]
Builds the TensorRT engines of a model, by its name or from a folder with its files, and keeps those whose vectors are ONNX
Runtime's in the cache that the server takes them from. What is in the cache already is not built again.
  --precision P   ${PRECISIONS.join(', ')}; default: the first of the model's recipes that passes
  --max-batch N   most rows of a run; default: the model's recipe
  --device N      CUDA's index of the GPU; default 0
  --out FOLDER    in place of CLIP_ENGINE_CACHE, which is engines/ in the models' cache by default
Exit codes: 0 both engines are in the cache, 1 the host lacks something or no engine passes, 2 fault of the command line.`;

/**
 * Prints a table of a model's engines once both are there. Resolves to the exit code: 0, or 1 where the host cannot build. Throws a
 * ConfigError for a command line that is wrong; ClipError where files cannot be had, or no engine passes; rejects where a
 * signal stops it.
 */
export async function build(args: string[]): Promise<number> {
  const { help, out, ...options } = readArgs(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const request = { ...options, model: await modelOf(options.target) };
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const { signal } = stop;
    const facts = await examineGpu({ signal, limitMs: EXAMINATION_MS, environment: process.env });
    const tensorrt = tensorRtOf(facts);
    const lacking = 'lacking' in tensorrt ? tensorrt.lacking : tensorrt.noBuilder;
    if ('lacking' in tensorrt || lacking !== undefined) {
      console.error(`no engine can be built here: ${lacking}; clip-server doctor says what to install`);
      return 1;
    }
    const config = await readConfig({ argument: 'jtype: Flow' }, process.env);
    const engines = { ...config.engines, ...(out !== undefined && { folder: resolve(out) }) };
    await buildAll(request, { ...config, engines }, tensorrt, signal);
    return 0;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function buildAll(
  request: BuildRequest,
  config: Config,
  tensorrt: FoundTensorRt,
  signal: AbortSignal,
): Promise<void> {
  const log = createLog({ level: 'warn', format: 'auto', healthRequests: false });
  // In a pipe the table alone.
  const display = createProgress({ line: () => {} });
  const records: PlanRecord[] = [];
  // Loaded for this alone: the other commands start without it.
  const { buildEngines } = await import('../build.ts');
  try {
    const onEngine = ({ proved }: PlannedTower) => void records.push(proved.record);
    await buildEngines(request, config, { tensorrt, log, progress: display.show, signal, onEngine });
  } finally {
    display.close();
  }
  console.log(`${describeBuilt(records)}\n\n${config.engines.folder}`);
}

const HEADER = ['TOWER', 'RECIPE', 'SIZE', 'BUILT IN', 'COSINE'];

/** COSINE is the mean and the least of the parity gate. */
function describeBuilt(records: readonly PlanRecord[]): string {
  const rows = records.map(({ key, bytes, buildSeconds, parity }) => [
    key.tower,
    key.recipe,
    megabytes(bytes),
    `${buildSeconds.toFixed(1)} s`,
    `${parity.mean.toFixed(6)} ${parity.least.toFixed(6)} of ${parity.inputs}`,
  ]);
  const cells = [HEADER, ...rows];
  const widths = HEADER.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)));
  const lines = cells.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join('  '));
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** A folder of this name comes before a model. */
async function modelOf(target: string): Promise<BuildRequest['model']> {
  const info = await stat(target).catch(() => undefined);
  if (info?.isDirectory()) return { name: basename(resolve(target)), modelPath: resolve(target) };
  if (info || /^[./~]/.test(target))
    throw new ConfigError(`${target}: expected a model's name or a folder with its files`);
  return { name: resolveModel(target).name };
}

function readArgs(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = {
      precision: text,
      'max-batch': text,
      device: text,
      out: text,
      help: { type: 'boolean', short: 'h' },
    } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [target = '', ...more] = positionals;
    if (!values.help && (target === '' || more.length > 0))
      throw new Error(`expected one model, got ${positionals.join(' ') || 'none'}`);
    const recipe = PRECISIONS.find((name) => name === values.precision);
    if (values.precision !== undefined && !recipe)
      throw new Error(`--precision: expected one of ${PRECISIONS.join(', ')}, got ${values.precision}`);
    const maxBatch = integer('--max-batch', values['max-batch'], 1, 1024);
    return {
      target,
      device: integer('--device', values.device, 0, 1023) ?? 0,
      ...(recipe && { recipe }),
      ...(maxBatch !== undefined && { maxBatch }),
      out: values.out,
      help: values.help,
    };
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server build --help shows the usage`);
  }
}

function integer(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`${name}: expected a whole number from ${least} to ${most}, got ${text}`);
}
