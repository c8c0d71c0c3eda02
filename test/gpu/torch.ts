import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { mostRows } from './buckets.ts';
import type { BuiltModel } from './host.ts';
import { MODELS } from './models.ts';
import type { Find } from './phase.ts';
import type { Figures } from './report.ts';

const SCRIPT = join(import.meta.dirname, 'torch_clip.py');
const PYTHON = process.env.BENCH_PYTHON ?? 'python3';
const SECONDS = 1;
/** Beside the largest run of ours. */
const PICTURES = 32;
/** Characters of what it says when it falls. */
const TAIL = 300;

interface Window {
  readonly tower: 'image' | 'text';
  readonly rows: number;
  /** Of the ids. */
  readonly columns: number;
  readonly mode: 'compiled' | 'eager';
  /** Why it is not compiled. */
  readonly why?: string;
  /** Items per second. */
  readonly rate: number;
}

/** The same architecture by PyTorch on the same GPU, and ours as multiples of it. `own` is what `measureRates` found, by name. */
export async function measureTorch(
  model: BuiltModel,
  own: ReadonlyMap<string, Figures>,
  find: Find,
  signal: AbortSignal,
): Promise<void> {
  const absent = await absence(model, signal);
  if (absent !== undefined) {
    find({ name: 'PyTorch', outcome: 'not run', detail: `absent: ${absent}` });
    return;
  }
  const [pictures, texts] = [mostRows(model.plans.image), mostRows(model.plans.text)];
  const rows = [...new Set([pictures, Math.min(PICTURES, pictures)])].join();
  const args = [SCRIPT, model.preset, rows, String(texts), String(SECONDS)];
  const child = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL);
  });
  const ended = once(child, 'close');
  // Whatever stops it, what it has said before counts.
  for await (const line of createInterface({ input: child.stdout })) hear(JSON.parse(line), own, find);
  const [code] = await ended;
  if (code !== 0) throw new Error(`PyTorch's process ended with ${code}: ${tail.trim()}`);
}

/** Why there is nothing to be measured, a clause. */
async function absence({ preset }: BuiltModel, signal: AbortSignal): Promise<string | undefined> {
  if (!MODELS.some((name) => name === preset)) return `no ${preset} of PyTorch’s`;
  const program = 'import torch, sys; sys.exit(None if torch.cuda.is_available() else "PyTorch sees no GPU")';
  return promisify(execFile)(PYTHON, ['-c', program], { signal }).then(
    () => undefined,
    (error: Error) => {
      signal.throwIfAborted();
      return error.message.trim().split('\n').at(-1);
    },
  );
}

function hear(said: Window | Figures, own: ReadonlyMap<string, Figures>, find: Find): void {
  if (!('tower' in said)) {
    find({ name: 'PyTorch', outcome: 'measured', figures: said });
    return;
  }
  const { tower, rows, columns, mode, why, rate } = said as Window;
  const what = tower === 'image' ? 'images/s' : `texts/s, ${columns} columns`;
  const ours = own.get(`engine alone, ${what}`) ?? {};
  const alike = Object.entries(ours).filter(([key]) => key.endsWith(` × ${rows} rows`));
  const best = Math.max(...alike.map(([, value]) => Number(value)));
  find({
    name: `PyTorch FP16, ${mode}, ${what}, ${rows} rows`,
    outcome: 'measured',
    figures: {
      best: rate,
      ...(Number.isFinite(best) && { 'ours as a multiple': best / rate }),
      ...(why !== undefined && { why }),
    },
  });
}
