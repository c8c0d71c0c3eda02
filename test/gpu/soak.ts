import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { LEAST_COSINE, LEAST_MEAN, LENGTH_DIFFERENCE, MIXED_UP } from '../../src/engine/tensorrt/parity.ts';
import { type BuiltModel, DEVICE, type Run } from './host.ts';
import type { Find } from './phase.ts';
import { type Sample, samplePool } from './pool.ts';
import { type GpuServer, startGpuServer, vectorsOf } from './server.ts';

const SECONDS = 45;
const QUICK_SECONDS = 2;
/** In which caches fill and graphs are captured; memory is compared from then on. */
const SETTLING_SHARE = 0.4;
const CLIENTS = 16;
const LARGEST_REQUEST = 12;
/** Requests that each client sends, however long they take. */
const LEAST_TURNS = 4;
/** ms that are left for the end of a soak that is cut short. */
const RESERVE_MS = 5000;
/** A heap of JavaScript goes up and down by tens of MiB. */
const HOST_MIB = 192;
/** Running allocates nothing on the device; others may share the GPU. */
const DEVICE_MIB = 64;

interface Memory {
  readonly hostMiB: number;
  /** Absent where nvidia-smi is. */
  readonly deviceMiB?: number;
}

/** Texts and pictures in requests of all sizes, mixed, for a while; each vector is compared with ONNX Runtime's. */
export async function soak(run: Run, model: BuiltModel, find: Find, signal: AbortSignal): Promise<void> {
  const pool = await samplePool(run, model, signal);
  const server = await startGpuServer(run, model);
  try {
    const wanted = 1000 * (run.quick ? QUICK_SECONDS : SECONDS);
    const ms = Math.min(wanted, run.budget.left('soak') - RESERVE_MS);
    if (ms <= 0) throw new Error('no time was left after the start');
    const pid = await server.servingPid();
    const tally = new Tally(pool);
    await load(server, tally, ms * SETTLING_SHARE, signal);
    const before = await memoryOf(pid);
    await load(server, tally, ms * (1 - SETTLING_SHARE), signal);
    const after = await memoryOf(pid);
    find(tally.finding(ms / 1000));
    find(growth('host', before.hostMiB, after.hostMiB, HOST_MIB));
    find(growth('device', before.deviceMiB, after.deviceMiB, DEVICE_MIB));
    const last = await server.servingPid();
    const name = 'the same process serves to the end';
    find({ name, outcome: last === pid ? 'passed' : 'failed' });
  } finally {
    await server.stop();
  }
}

/** What came of all requests. */
class Tally {
  readonly #pool: readonly Sample[];
  readonly faults = new Set<string>();
  #requests = 0;
  #vectors = 0;
  #sum = 0;
  #least = 1;
  #next = 0;

  constructor(pool: readonly Sample[]) {
    this.#pool = pool;
  }

  /** Neighbours are far from each other in the pool; all are sent equally often. */
  take(count: number): Sample[] {
    return Array.from({ length: count }, () => this.#pool[(this.#next++ * 37) % this.#pool.length]!);
  }

  compare(samples: readonly Sample[], vectors: readonly (readonly number[])[]): void {
    this.#requests++;
    for (const [i, sample] of samples.entries()) {
      const vector = vectors[i] ?? [];
      const cosine = cosineOf(sample.reference, vector);
      this.#vectors++;
      this.#sum += cosine;
      this.#least = Math.min(this.#least, cosine);
      const fault = this.#faultOf(sample, vector, cosine);
      if (fault !== undefined) this.faults.add(`${sample.tower}: ${fault}`);
    }
  }

  /** By the parity gate's bounds; NaN keeps none. */
  #faultOf({ tower, reference }: Sample, vector: readonly number[], cosine: number): string | undefined {
    if (!(cosine >= LEAST_COSINE)) return `cosine ${cosine.toPrecision(4)} (at least ${LEAST_COSINE})`;
    const ratio = Math.hypot(...vector) / Math.hypot(...reference);
    if (!(Math.abs(ratio - 1) <= LENGTH_DIFFERENCE))
      return `${ratio.toPrecision(4)} times as long as it should be`;
    const others = this.#pool.filter((other) => other.tower === tower);
    const isNearer = others.some((other) => cosineOf(other.reference, vector) > cosine + MIXED_UP);
    return isNearer ? 'the vector lies nearer to that of another input' : undefined;
  }

  finding(seconds: number) {
    const mean = this.#sum / this.#vectors;
    if (!(mean >= LEAST_MEAN)) this.faults.add(`cosine ${mean} in the mean (at least ${LEAST_MEAN})`);
    const figures = { seconds, requests: this.#requests, vectors: this.#vectors, mean, least: this.#least };
    const faults = [...this.faults];
    const detail = `${faults.length} kinds of faults: ${faults.slice(0, 5).join('; ')}`;
    const name = 'each vector is ONNX Runtime’s';
    if (faults.length > 0) return { name, outcome: 'failed', detail, figures } as const;
    return { name, outcome: 'passed', figures } as const;
  }
}

async function load(server: GpuServer, tally: Tally, ms: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + ms;
  const client = async (index: number) => {
    for (let turn = 0; (turn < LEAST_TURNS || performance.now() < end) && !signal.aborted; turn++) {
      const samples = tally.take(1 + ((index + turn) % LARGEST_REQUEST));
      await vectorsOf(
        server,
        samples.map(({ document }) => document),
        'keep-alive',
      ).then(
        (vectors) => tally.compare(samples, vectors),
        (error: Error) => void tally.faults.add(error.message),
      );
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  signal.throwIfAborted();
}

/** NaN where a vector has no direction, or another length. */
function cosineOf(a: Float32Array, b: readonly number[]): number {
  if (a.length !== b.length) return Number.NaN;
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i]!;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return Math.min(1, ab / Math.sqrt(aa * bb));
}

async function memoryOf(pid: number): Promise<Memory> {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const args = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', `--id=${DEVICE}`];
  const used = await promisify(execFile)('nvidia-smi', args).then(
    ({ stdout }) => Number.parseFloat(stdout),
    () => Number.NaN,
  );
  return { hostMiB: Number(kib) / 1024, ...(Number.isFinite(used) && { deviceMiB: used }) };
}

function growth(what: string, before: number | undefined, after: number | undefined, most: number) {
  const name = `memory of the ${what} does not grow`;
  if (before === undefined || after === undefined)
    return { name, outcome: 'not run', detail: 'nvidia-smi does not answer' } as const;
  const figures = { 'MiB before': before, 'MiB after': after };
  if (after - before <= most) return { name, outcome: 'passed', figures } as const;
  return { name, outcome: 'failed', detail: `by ${most} MiB at most expected`, figures } as const;
}
