import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config.ts';
import { EXAMINATION_MS, examineHost, type HostFacts } from '../host/report.ts';
import { judge } from '../host/verdict.ts';
import { describeHost } from './diagnosis.ts';
import { version } from './help.ts';

const USAGE = `Usage: clip-server doctor [--json]
Says what this host has for the server: processor, NVIDIA driver and GPUs, TensorRT's libraries, ONNX Runtime.
Exit code 0 where TensorRT has all that it needs, 1 where it lacks something.`;

/** What tests put in place. */
interface DoctorOptions {
  readonly limitMs?: number;
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Prints what the host has. Resolves to the exit code: 0 TensorRT has all that it needs, 1 it lacks something. Throws a
 * ConfigError for a command line that is wrong; rejects where a signal stops it.
 */
export async function doctor(args: string[], options: DoctorOptions = {}): Promise<number> {
  const { json, help } = readArgs(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const facts = await examine(options);
  const verdict = judge(facts);
  const program = `clip-server ${version()}`;
  console.log(
    json ? JSON.stringify({ program, ...facts, verdict }, null, 2) : describeHost(program, facts, verdict),
  );
  return verdict.tensorrt ? 0 : 1;
}

async function examine({
  limitMs = EXAMINATION_MS,
  environment = process.env,
}: DoctorOptions): Promise<HostFacts> {
  const stop = new AbortController();
  // A process that hangs in a driver doesn't notice that this one is gone.
  const onSignal = () => stop.abort(new Error('stopped'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await examineHost({ signal: stop.signal, limitMs, environment });
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function readArgs(args: string[]) {
  try {
    const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server doctor --help shows the usage`);
  }
}
