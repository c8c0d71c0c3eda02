import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config.ts';
import { checkPrompts, DEFAULT_PROMPT, labelsFrom, labelVectors } from './classify/labels.ts';
import { jsonLines, type Print, scoreLabels, tableRows } from './classify/scores.ts';
import { countOf } from './client.ts';
import type { Embedder, Source } from './embed/embedder.ts';
import { EMBEDDER_OPTIONS, EMBEDDER_USAGE, openEmbedder } from './embed/open.ts';
import { type EncodeItems, imageItems } from './encode/inputs.ts';
import { printable } from './printable.ts';
import { itemProgress } from './progress.ts';
import { untilSignal } from './stop.ts';

const USAGE = `Usage: clip-server classify [OPTIONS] --labels A,B,C PICTURE…
Says which of the labels each picture is. The scores of a picture's labels add up to 1, by the model's own scale.

PICTURE is a file, a folder (with those below it) or a pattern such as 'photos/**/*.jpg'; - takes names from standard input.

  --labels A,B,C        the labels, separated by commas
  --labels-file FILE    the labels, one a line; - is standard input
  --prompt TEXT         what a label is put into, in place of {} (default "${DEFAULT_PROMPT}"; "{}" is the label alone);
                        given several times, a label is the mean of all
  --top N               labels of each picture (default 1; with --json all)
  --json                JSON lines: {"file", "labels": [{"label", "score", "cosine"}]}, or {"file", "error"}
${EMBEDDER_USAGE}

Of folders and patterns, files that are no pictures by their names and hidden ones are left out; links to folders are not followed.
Environment: CLIP_API_KEY is sent to --server as its API key, else CLIP_AUTH_TOKEN as it is as authorization.
Exit codes: 0 done, 1 a picture failed (the others did not) or a fault at run time, 2 a fault of the command line.`;

const OPTIONS = {
  ...EMBEDDER_OPTIONS,
  labels: { type: 'string' },
  'labels-file': { type: 'string' },
  prompt: { type: 'string', multiple: true },
  top: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Resolves to the exit code: 0, or 1 where a picture failed or a signal ended it; throws ConfigError for 2. */
export async function classify(args: string[]): Promise<number> {
  const { values, positionals } = readArgs(args);
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (positionals.length === 0) throw new ConfigError('expected pictures to classify, got none');
  const { labels: list, 'labels-file': file, prompt: prompts = [DEFAULT_PROMPT] } = values;
  if (file === '-' && positionals.includes('-'))
    throw new ConfigError('expected labels or names of pictures on standard input, got both');
  checkPrompts(prompts);
  const labels = await labelsFrom({ list, file }, process.stdin);
  const top = countOf('top', values.top) ?? (values.json ? labels.length : 1);
  let unreadable = 0;
  const items = await imageItems(positionals, process.stdin, (_folder, { message }) => {
    console.error(`clip-server: ${printable(message)}`);
    unreadable += 1;
  });
  const print = values.json ? jsonLines(top) : tableRows(top, labels);
  return untilSignal('stopped', async (signal) => {
    const embedder = await openEmbedder(values, signal);
    try {
      const columns = await labelVectors(embedder, labels, prompts, signal);
      const failed = await classifyAll({ embedder, items, labels, columns, print, signal });
      return failed + unreadable > 0 ? 1 : 0;
    } finally {
      await embedder.close();
    }
  });
}

function readArgs(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; clip-server classify --help lists the options`);
  }
}

interface Run {
  readonly embedder: Embedder;
  readonly items: EncodeItems;
  readonly labels: readonly string[];
  /** Unit vectors of the labels, float32 [width] each. */
  readonly columns: readonly Float32Array[];
  readonly print: Print;
  readonly signal: AbortSignal;
}

/** Resolves to the number of pictures that failed. */
async function classifyAll({ embedder, items, labels, columns, print, signal }: Run): Promise<number> {
  const waiting: string[] = [];
  async function* sources(): AsyncGenerator<Source> {
    for await (const { label } of items.items) {
      if (!('file' in label)) continue;
      waiting.push(label.file);
      yield label;
    }
  }
  // The results would tear a bar apart.
  const progress = process.stdout.isTTY ? undefined : itemProgress('classify', items.total);
  let done = 0;
  let failed = 0;
  try {
    for await (const outcome of embedder.encode(sources(), signal)) {
      const file = waiting.shift()!;
      if ('error' in outcome) {
        const { code, message } = outcome.error;
        console.error(`clip-server: ${printable(`${file}: ${message}`)} (${code})`);
        await write(print(file, { code, message }));
        failed += 1;
      } else await write(print(file, scoreLabels(outcome.vector, labels, columns, embedder.logitScale)));
      done += 1;
      progress?.show(done);
    }
  } finally {
    progress?.close();
  }
  if (failed > 0) console.error(`clip-server: ${failed} of ${done} could not be classified`);
  return failed;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
