import { readFile, stat } from 'node:fs/promises';
import { type Batch, batches, type Weight } from '../../client/batches.ts';
import { ITEM_CODES } from '../../client/encode.ts';
import { inOrder } from '../../client/ordered.ts';
import type { Config } from '../../config/config.ts';
import type { OpenService } from '../../main.ts';
import { createLog } from '../../observe/log.ts';
import { version } from '../help.ts';
import { createProgress } from '../progress.ts';
import { type Embedder, type Fault, MOST_IMAGE_BYTES, type Outcome, type Source } from './embedder.ts';

type Service = OpenService['service'];
type Item = Parameters<Service['encode']>[0][number];

/** Of one request to the service. A picture larger than the bytes goes alone. */
const REQUEST = { items: 16, bytes: 64 * 2 ** 20 };
/** Requests at once: enough to read and decode while the engines work. */
const AT_ONCE = 4;

/**
 * Loads the model of the configuration into this process, without any socket.
 *
 * @throws ConfigError; ClipError model_unavailable, model_invalid, engine_failed
 */
export async function openLocalEmbedder(config: Config, signal: AbortSignal): Promise<Embedder> {
  // Loaded for this alone: the other commands start without it.
  const { openService } = await import('../../main.ts');
  const log = createLog({ level: 'warn', format: 'auto', healthRequests: false });
  // In a pipe nothing.
  const display = createProgress({ line: () => {} });
  const hooks = { log, progress: display.show, signal, version: version() };
  const { service, close } = await openService(config, hooks).finally(display.close);
  const { model, logitScale } = service.describe();
  return {
    name: model,
    logitScale,
    encode: (sources, wanted) => encode(service, sources, wanted),
    close,
  };
}

async function* encode(
  service: Service,
  sources: AsyncIterable<Source>,
  signal: AbortSignal,
): AsyncGenerator<Outcome> {
  const work = (batch: Batch<Source>, inner: AbortSignal) => encodeBatch(service, batch, inner);
  for await (const outcomes of inOrder(batches(sources, REQUEST, weigh), AT_ONCE, work, signal))
    yield* outcomes;
}

async function weigh(source: Source): Promise<Weight> {
  if ('text' in source) return { items: 1, bytes: source.text.length };
  if ('blob' in source) return { items: 1, bytes: source.blob.length };
  const found = await stat(source.file).catch(() => undefined);
  return { items: 1, bytes: found?.size ?? 0 };
}

async function encodeBatch(
  service: Service,
  { inputs }: Batch<Source>,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const read = await Promise.all(inputs.map((source) => itemOf(source)));
  const items = read.filter((item) => 'kind' in item);
  const bytes = items.reduce((sum, item) => sum + (item.kind === 'image' ? item.bytes.length : 0), 0);
  const permit = await service.enter({ items: items.length, bytes }, signal);
  try {
    const outcomes = (await service.encode(items, { permit, signal })).values();
    return read.map((item) => ('kind' in item ? checked(outcomes.next().value!) : item));
  } finally {
    permit.release();
  }
}

/** @throws ClipError for a fault of the engines, which is none of the input */
function checked(outcome: Awaited<ReturnType<Service['encode']>>[number]): Outcome {
  if ('error' in outcome && !ITEM_CODES.has(outcome.error.code)) throw outcome.error;
  return outcome;
}

async function itemOf(source: Source): Promise<Item | { readonly error: Fault }> {
  if ('text' in source) return { kind: 'text', text: source.text };
  if ('blob' in source) return { kind: 'image', bytes: source.blob };
  try {
    const found = await stat(source.file);
    if (!found.isFile()) throw new Error(`got something else at ${source.file}`);
    const { size } = found;
    if (size > MOST_IMAGE_BYTES)
      return {
        error: {
          code: 'image_too_large',
          message: `expected at most ${MOST_IMAGE_BYTES} bytes, got ${size}`,
        },
      };
    return { kind: 'image', bytes: await readFile(source.file) };
  } catch (error) {
    const message = `expected a readable file: ${(error as Error).message}`;
    return { error: { code: 'invalid_input', message } };
  }
}
