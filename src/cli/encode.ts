import { once } from 'node:events';
import { parseArgs } from 'node:util';
import {
  type Client,
  ClipClientError,
  type FormOptions,
  VECTOR_TYPES,
  type Vectors,
  type VectorType,
} from '../client/node.ts';
import { ConfigError } from '../config/config.ts';
import { countOf, openClient } from './client.ts';
import { PROBE_TEXT } from './embed/probe.ts';
import { FileOutput } from './encode/file-output.ts';
import { type EncodeItem, type EncodeItems, imageItems, textItems } from './encode/inputs.ts';
import { itemProgress } from './progress.ts';

const USAGE = `Usage: clip-server encode [OPTIONS] [FILE… | -]
Encodes the lines of text files, or of standard input, by a running server.

  --images              FILEs are pictures, or folders to search; on standard input, names of pictures
  --server URL          grpc, grpcs, http, https, ws or wss (default grpc://localhost:51000)
  --api-key KEY         one of the server's API keys; others on this machine may see a command line, so rather
                        set the environment's CLIP_API_KEY
  --ca FILE             certificates to trust instead of the system's, in PEM
  --out FILE            vectors as FILE.npy, else as JSON lines (default: JSON lines on standard output)
  --type TYPE           float32, float16, int8, uint8, binary or ubinary (default float32)
  --dimensions N        keep the first N components and bring what is left to length 1
  --normalize           vectors of length 1
  --resume              go on with an unfinished FILE
  --skip-errors         go on after items that fail; FILE.errors.jsonl says which, FILE.npy.index.jsonl
                        which row is of which item
  --batch-size N        items in a request (default 32)
  --concurrency N       requests at once (default 16)

Environment: CLIP_API_KEY is sent as the server's API key, else CLIP_AUTH_TOKEN as it is as authorization.
Exit codes: 0 done, 1 a fault at run time, 2 a fault of the command line or the input.`;

const OPTIONS = {
  images: { type: 'boolean' },
  server: { type: 'string' },
  'api-key': { type: 'string' },
  ca: { type: 'string' },
  out: { type: 'string' },
  type: { type: 'string' },
  dimensions: { type: 'string' },
  normalize: { type: 'boolean' },
  resume: { type: 'boolean' },
  'skip-errors': { type: 'boolean' },
  'batch-size': { type: 'string' },
  concurrency: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Flags = ReturnType<typeof readArgs>['values'];

const DEFAULT_SERVER = 'grpc://localhost:51000';

/** Where results go. */
interface Output {
  readonly add: (item: EncodeItem, index: number, vector: Vectors[VectorType]) => Promise<void>;
  readonly skip: (item: EncodeItem, index: number, error: ClipClientError) => Promise<void>;
}

/** Resolves to the exit code: 0, or 1 where a fault or a signal ended it; throws ConfigError for 2. */
export async function encode(args: string[]): Promise<number> {
  const { values, positionals } = readArgs(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const client = await openClient({ server: DEFAULT_SERVER, ...values });
  try {
    await encodeAll(client, values, positionals, stop.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof ClipClientError)) throw error;
    const { code, message } = error;
    const hint = values.out === undefined ? '' : '; --resume goes on from here';
    console.error(`clip-server: ${code === 'aborted' ? 'stopped' : `${message} (${code})`}${hint}`);
    return 1;
  } finally {
    await client.close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function readArgs(args: string[]) {
  try {
    const parsed = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    const { out, resume } = parsed.values;
    if (resume && out === undefined)
      throw new ConfigError('--resume: expected --out FILE beside it, got none');
    return parsed;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${(error as Error).message}; clip-server encode --help lists the options`);
  }
}

function formOf({ type, dimensions, normalize }: Flags): FormOptions<VectorType> {
  const known = VECTOR_TYPES.find((name) => name === type);
  if (type !== undefined && !known)
    throw new ConfigError(`--type: expected one of ${VECTOR_TYPES.join(', ')}, got ${type}`);
  const kept = countOf('dimensions', dimensions);
  return {
    ...(known && { type: known }),
    ...(kept && { dimensions: kept }),
    ...(normalize && { normalize }),
  };
}

async function encodeAll(
  client: Client,
  flags: Flags,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { images = false, resume = false, out } = flags;
  const skipErrors = flags['skip-errors'] ?? false;
  const form = formOf(flags);
  const items = await (images ? imageItems : textItems)(names, process.stdin);
  const run = { client, items, form, skipErrors, signal };
  if (out === undefined) return encodeItems({ ...run, output: standardOutput(), done: 0 });
  const [probe] = await client.encode([PROBE_TEXT], { signal });
  const isRaw = Object.keys(form).length === 0;
  const [formed] = isRaw ? [probe] : await client.encode([PROBE_TEXT], { ...form, signal });
  const width = formed!.length;
  const file = await FileOutput.open({ out, images, skipErrors, resume, form, probe: probe!, width });
  try {
    await encodeItems({ ...run, output: file, done: file.done, file });
  } catch (error) {
    await file.leave();
    throw error;
  }
  const rows = await file.finish();
  const skipped = skipErrors ? `; what failed stands in ${out}.errors.jsonl, if anything` : '';
  console.error(`${out}: ${rows} vectors of ${width} numbers${skipped}`);
}

interface Run {
  readonly client: Client;
  readonly items: EncodeItems;
  readonly form: FormOptions<VectorType>;
  readonly output: Output;
  readonly file?: FileOutput;
  /** Items at the beginning that are done already. */
  readonly done: number;
  readonly skipErrors: boolean;
  readonly signal: AbortSignal;
}

async function encodeItems(run: Run): Promise<void> {
  const { client, items, form, output, done, skipErrors, signal } = run;
  const progress = itemProgress('encode', items.total);
  const waiting: EncodeItem[] = [];
  try {
    const stream = client.encodeStream(inputsOf(run, waiting), { ...form, perItem: true, signal });
    for await (const result of stream) {
      const item = waiting.shift()!;
      const index = done + result.index;
      if ('vector' in result) await output.add(item, index, result.vector);
      else if (skipErrors) await output.skip(item, index, result.error);
      else throw new ClipClientError(result.error.code, `${item.place}: ${result.error.message}`);
      progress.show(index + 1);
    }
  } finally {
    progress.close();
  }
}

/** What is still to be done; each item waits for its result in order. */
async function* inputsOf({ items, file, done }: Run, waiting: EncodeItem[]) {
  let index = 0;
  for await (const item of items.items) {
    if (index < done) file?.seen(item, index);
    else {
      waiting.push(item);
      yield item.input;
    }
    index += 1;
  }
  if (file && index < done) throw file.endedEarly(index);
}

/** JSON lines; faults go to standard error. */
function standardOutput(): Output {
  return {
    async add(item, index, vector) {
      const line = `${JSON.stringify({ index, ...item.label, vector: Array.from(vector) })}\n`;
      if (!process.stdout.write(line)) await once(process.stdout, 'drain');
    },
    async skip(item, _index, { code, message }) {
      console.error(`clip-server: ${item.place}: ${message} (${code})`);
    },
  };
}
