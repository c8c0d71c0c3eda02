import { ClipError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import type { EmbeddingService } from '../service/item.ts';
import type { Pictures } from './gallery-file.ts';
import { type Match, VectorTable } from './vector-table.ts';

/** Pictures that are handed over at a time: enough for a batch, few enough that others hardly wait for them. */
const AT_ONCE = 16;
/** ms for which the work goes on after somebody has last asked how far it is. */
const INTEREST_MS = 15_000;
/** ms before it is tried again after a fault. */
const PAUSE_MS = 5_000;

export interface GalleryOptions {
  readonly pictures: Pictures;
  readonly service: Pick<EmbeddingService, 'enter' | 'encode'>;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly now?: () => number;
}

export interface GalleryState {
  readonly pictures: number;
  /** Of these, those that are searched. */
  readonly embedded: number;
  /** Pictures per second while they were embedded; 0 before the first. */
  readonly perSecond: number;
  readonly digest: string;
  /** What keeps the rest from being embedded for now. */
  readonly fault?: { readonly code: string; readonly message: string };
}

/**
 * The gallery's vectors, computed by the model that serves: only when somebody looks at the page, and only as long. They take
 * turns with the items of requests, as one stream.
 */
export class Gallery {
  readonly pictures: Pictures;
  readonly #options: GalleryOptions;
  readonly #now: () => number;
  readonly #source = {};
  readonly #closing = new AbortController();
  #vectors: VectorTable | undefined;
  #workedMs = 0;
  #wantedUntil = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #fault: ClipError | undefined;
  #working: Promise<void> | undefined;

  constructor(options: GalleryOptions) {
    this.pictures = options.pictures;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get #embedded(): number {
    return this.#vectors?.count ?? 0;
  }

  /** How far the gallery is; who asks wants it embedded. */
  look(): GalleryState {
    this.#wantedUntil = this.#now() + INTEREST_MS;
    this.#start();
    const { names, digest } = this.pictures;
    const fault = this.#fault;
    return {
      pictures: names.length,
      embedded: this.#embedded,
      perSecond: this.#workedMs > 0 ? (this.#embedded * 1000) / this.#workedMs : 0,
      digest,
      ...(fault && { fault: { code: fault.code, message: fault.message } }),
    };
  }

  /**
   * The embedded pictures that are closest to `vector` [D], best first, at most `limit`.
   * @throws ClipError invalid_request
   */
  nearest(vector: readonly number[], limit: number): Match[] {
    return this.#vectors?.nearest(vector, limit) ?? [];
  }

  /** Ends the work. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new ClipError('draining', 'the server is shutting down'));
    await this.#working;
  }

  #start(): void {
    const isComplete = this.#embedded === this.pictures.files.length;
    if (isComplete || this.#working || this.#closing.signal.aborted || this.#now() < this.#notBefore) return;
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    const { files } = this.pictures;
    try {
      while (this.#embedded < files.length && this.#now() < this.#wantedUntil) {
        const began = this.#now();
        await this.#embed(files.slice(this.#embedded, this.#embedded + AT_ONCE));
        this.#workedMs += this.#now() - began;
        this.#fault = undefined;
      }
      const done = { pictures: this.#embedded, ms: Math.round(this.#workedMs) };
      if (this.#embedded === files.length) this.#options.log.info(done, 'the gallery is embedded');
    } catch (error) {
      const fault = ClipError.from(error);
      // Who asks next will try again.
      if (this.#closing.signal.aborted || fault.code === 'not_ready') return;
      this.#fault = fault;
      this.#notBefore = this.#now() + PAUSE_MS;
      this.#options.log.warn({ err: fault }, 'the gallery could not be embedded');
    }
  }

  async #embed(files: readonly Buffer[]): Promise<void> {
    const { service } = this.#options;
    const { signal } = this.#closing;
    const bytes = files.reduce((sum, file) => sum + file.length, 0);
    const permit = await service.enter({ items: files.length, bytes }, signal);
    try {
      const items = files.map((file) => ({ kind: 'image', bytes: file }) as const);
      const outcomes = await service.encode(items, { permit, signal, source: this.#source });
      for (const outcome of outcomes) {
        if ('error' in outcome) throw outcome.error;
        this.#vectors ??= new VectorTable(outcome.vector.length, this.pictures.files.length);
        this.#vectors.add(outcome.vector);
      }
    } finally {
      permit.release();
    }
  }
}
