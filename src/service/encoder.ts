import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClipError } from '../errors.ts';
import type { TextInput, Tower } from '../model/tower.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Trace } from '../observe/tracing.ts';
import { systemClock } from '../schedule/clock.ts';
import { type Leave, Room } from '../schedule/room.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Patience } from '../schedule/waiter.ts';
import type { Item, Outcome, Tensor } from './item.ts';
import { TowerSpans } from './tower-spans.ts';

/** Texts, or a client's own ids, → ids. @throws ClipError for what is refused */
export interface TextSource {
  readonly contextLength: number;
  encode(text: string): TextInput;
  take(ids: readonly number[]): TextInput;
}

/** Pictures → resolution × resolution × 3 bytes, RGB. */
export interface ImageSource {
  fromBytes(bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  fromTensor(tensor: Tensor, signal: AbortSignal): Promise<Uint8Array>;
}

export interface UriSource {
  load(uri: string, signal: AbortSignal): Promise<Uint8Array>;
}

export interface EncoderOptions {
  readonly tokenizer: TextSource;
  readonly images: ImageSource;
  readonly uris: UriSource;
  readonly scheduler: Scheduler;
  readonly metrics: Metrics;
  /** URIs that are being loaded, or loaded and not yet being decoded, at once. */
  readonly urisAtOnce: number;
  readonly queueMs: number;
}

/** Tokenising holds the event loop for no longer than this. */
const SLICE_MS = 1;

/** Items → vectors, each on its own way: what happens to one does not touch the others. */
export class Encoder {
  readonly #options: EncoderOptions;
  /** Loaded bytes wait here for room in front of the engines: a slow host must not take up that room. */
  readonly #loads: Room;

  constructor(options: EncoderOptions) {
    this.#options = options;
    const place = {
      clock: systemClock,
      queueMs: options.queueMs,
      wanted: 'a place among the URIs being loaded',
      onTimeout: () => options.metrics.limited.inc({ limit: 'queue_ms' }),
      unsettled: 0,
    };
    this.#loads = new Room(place, options.urisAtOnce, () => 0);
  }

  /** Outcomes in the order of the items. `trace` is the span that the work is part of. */
  async encode(items: readonly Item[], wanted: Patience, trace?: Trace): Promise<Outcome[]> {
    const lines = { text: [] as number[], picture: [] as number[], uri: [] as number[] };
    for (const [index, item] of items.entries()) lines[lineOf(item)].push(index);
    const pictures = lines.picture.length + lines.uri.length;
    const spans = trace && new TowerSpans(trace, { text: lines.text.length, image: pictures });
    const patience: TracedPatience = spans ? { ...wanted, spans } : wanted;
    const outcomes: Promise<Outcome>[] = new Array(items.length);
    const begin: Begin = (index, embedded) => {
      outcomes[index] = this.#outcome(towerOf(items[index]!), embedded, spans);
    };
    await Promise.all([
      this.#feedTexts(items, lines.text, patience, begin),
      this.#feed(
        items,
        lines.picture,
        begin,
        () => this.#options.scheduler.room('image', patience),
        (item, leave) => this.#picture(item, leave, patience),
      ),
      this.#feed(
        items,
        lines.uri,
        begin,
        () => this.#loads.enter(patience),
        (item, leave) => this.#remotePicture(item, leave, patience),
      ),
    ]);
    const all = await Promise.all(outcomes);
    this.#count(items, all);
    return all;
  }

  #count(items: readonly Item[], outcomes: readonly Outcome[]): void {
    const counts = new Map<string, { readonly tower: Tower; readonly code: string; count: number }>();
    for (const [index, outcome] of outcomes.entries()) {
      const tower = towerOf(items[index]!);
      const code = 'error' in outcome ? outcome.error.code : 'ok';
      const key = `${tower} ${code}`;
      const entry = counts.get(key) ?? { tower, code, count: 0 };
      entry.count++;
      counts.set(key, entry);
    }
    for (const { count, ...labels } of counts.values()) this.#options.metrics.items.inc(labels, count);
  }

  async #feedTexts(
    items: readonly Item[],
    line: readonly number[],
    patience: TracedPatience,
    begin: Begin,
  ): Promise<void> {
    let sliceBegan = performance.now();
    for (const index of line) {
      begin(index, this.#text(items[index] as TextItem, patience));
      if (performance.now() - sliceBegan < SLICE_MS) continue;
      await nextTurn();
      sliceBegan = performance.now();
    }
  }

  async #text(item: TextItem, patience: TracedPatience): Promise<Embedded> {
    if (patience.signal.aborted) throw ClipError.aborted(patience.signal);
    const ids = this.#ids(item);
    if (ids.cut && item.kind === 'text' && item.whole)
      throw new ClipError(
        'text_too_long',
        `text: expected at most ${ids.ids.length} tokens, start and end token included, got more`,
      );
    patience.spans?.preprocessed('text');
    const vector = await this.#options.scheduler.submit('text', ids, patience);
    return { vector, tokens: ids.length };
  }

  #ids(item: TextItem): TextInput {
    const { tokenizer, metrics } = this.#options;
    const began = performance.now();
    try {
      const ids = item.kind === 'text' ? tokenizer.encode(item.text) : tokenizer.take(item.ids);
      metrics.preprocessed('text', (performance.now() - began) / 1000);
      return ids;
    } catch (error) {
      if (ClipError.from(error).code === 'text_too_long') metrics.limited.inc({ limit: 'text_characters' });
      throw error;
    }
  }

  /** Begins one item after another, as places become free. Who cannot wait for one item cannot for the next. */
  async #feed(
    items: readonly Item[],
    line: readonly number[],
    begin: Begin,
    enter: () => Promise<Leave>,
    work: (item: Item, leave: Leave) => Promise<Embedded>,
  ): Promise<void> {
    for (const [position, index] of line.entries()) {
      try {
        const leave = await enter();
        begin(index, work(items[index]!, leave).finally(leave));
      } catch (error) {
        for (const left of line.slice(position)) begin(left, Promise.reject(error));
        return;
      }
    }
  }

  async #picture(item: Item, leave: Leave, patience: TracedPatience): Promise<Embedded> {
    const pixels = await this.#pixels(item, patience.signal);
    patience.spans?.preprocessed('image');
    const vector = this.#options.scheduler.submit('image', pixels, patience);
    leave();
    return { vector: await vector };
  }

  async #remotePicture(item: Item, leaveLoads: Leave, patience: TracedPatience): Promise<Embedded> {
    const { uris, scheduler } = this.#options;
    const bytes = await uris.load((item as UriItem).uri, patience.signal);
    const leave = await scheduler.room('image', patience);
    leaveLoads();
    return this.#picture({ kind: 'image', bytes }, leave, patience).finally(leave);
  }

  async #pixels(item: Item, signal: AbortSignal): Promise<Uint8Array> {
    const { images, uris } = this.#options;
    if (item.kind === 'image') return images.fromBytes(item.bytes, signal);
    if (item.kind === 'tensor') return images.fromTensor(item.tensor, signal);
    if (item.kind === 'uri') return images.fromBytes(await uris.load(item.uri, signal), signal);
    throw new ClipError('internal', `expected a picture, got an item of kind ${item.kind}`);
  }

  async #outcome(tower: Tower, embedded: Promise<Embedded>, spans?: TowerSpans): Promise<Outcome> {
    try {
      return await embedded;
    } catch (thrown) {
      return { error: ClipError.from(thrown) };
    } finally {
      spans?.answered(tower);
    }
  }
}

interface TracedPatience extends Patience {
  readonly spans?: TowerSpans;
}

type Embedded = Extract<Outcome, { vector: Float32Array }>;
type Begin = (index: number, embedded: Promise<Embedded>) => void;
type TextItem = Extract<Item, { kind: 'text' | 'tokens' }>;
type UriItem = Extract<Item, { kind: 'uri' }>;

function towerOf(item: Item): Tower {
  return item.kind === 'text' || item.kind === 'tokens' ? 'text' : 'image';
}

/** `data:` URIs are at hand, so they go with the pictures. */
function lineOf(item: Item): 'text' | 'picture' | 'uri' {
  if (towerOf(item) === 'text') return 'text';
  return item.kind === 'uri' && !/^\s*data:/i.test(item.uri) ? 'uri' : 'picture';
}
