import { setMaxListeners } from 'node:events';
import type { Instead } from '../engine/instead.ts';
import { ClipError } from '../errors.ts';
import type { Vitals } from '../observe/health.ts';
import type { Admission } from '../schedule/admission.ts';
import { Encoder, type EncoderOptions } from './encoder.ts';
import type {
  Context,
  EmbeddingService,
  Item,
  Outcome,
  Permit,
  RankedGroup,
  RankGroup,
  RequestSize,
  ServiceDescription,
} from './item.ts';
import { requestPatience } from './patience.ts';
import { CLIP_LOGIT_SCALE, rankGroup } from './rank.ts';

export interface ServiceOptions extends EncoderOptions {
  /** Canonical model name. */
  readonly model: string;
  /** Other names by which a client may call it; none where absent. */
  readonly aliases?: readonly string[];
  /** Side of the pictures that the image tower takes. */
  readonly resolution: number;
  readonly admission: Admission;
  /** Default: CLIP's. */
  readonly logitScale?: number;
  /** Lengths, in components, that the model was trained to be cut to; default none. */
  readonly matryoshkaDimensions?: readonly number[];
  /** Why TensorRT does not serve, where the flow asks for it. */
  readonly instead?: Instead;
}

/** Everything behind the protocols: one model, its preprocessing and its engines. */
export class Service implements EmbeddingService {
  readonly #options: ServiceOptions;
  readonly #encoder: Encoder;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#encoder = new Encoder(options);
    const { scheduler, metrics, model, instead } = options;
    for (const [tower, { runtime, device, precision }] of Object.entries(scheduler.describeTowers())) {
      const reason = instead?.reason ?? '';
      metrics.engineInfo.set({ model, tower, runtime, device, precision, reason }, 1);
    }
  }

  describe(): ServiceDescription {
    const { model, aliases = [], resolution, tokenizer, scheduler, instead } = this.#options;
    const { logitScale = CLIP_LOGIT_SCALE, matryoshkaDimensions = [] } = this.#options;
    return {
      ...scheduler.describe(),
      model,
      aliases,
      resolution,
      contextLength: tokenizer.contextLength,
      logitScale,
      matryoshkaDimensions,
      ...(instead && { notTensorRt: instead.words }),
    };
  }

  vitals(): Vitals {
    const { scheduler, admission } = this.#options;
    return { serving: scheduler.serving, draining: admission.closed };
  }

  admit(): Permit {
    return this.#options.admission.admit();
  }

  enter(size: RequestSize, signal: AbortSignal): Promise<Permit> {
    return this.#options.admission.enter(size, signal);
  }

  async encode(items: readonly Item[], context: Context): Promise<Outcome[]> {
    const patience = requestPatience(context);
    // Each item may listen for itself; Node would take more than ten for a leak.
    if (items.length > 1) setMaxListeners(0, patience.signal);
    try {
      return await this.#encoder.encode(items, patience, context.trace);
    } finally {
      patience.end();
    }
  }

  async rank(groups: readonly RankGroup[], context: Context): Promise<RankedGroup[]> {
    const empty = groups.findIndex(({ matches }) => matches.length === 0);
    if (empty >= 0)
      throw new ClipError('rank_failed', `expected at least one match for query ${empty}, got none`);
    const items = groups.flatMap(({ query, matches }) => [query, ...matches]);
    const vectors = (await this.encode(items, context)).map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return outcome.vector;
    });
    let next = 0;
    return groups.map(({ matches }) => {
      const query = vectors[next++]!;
      const own = vectors.slice(next, next + matches.length);
      const ranked = rankGroup(query, own, this.#options.logitScale);
      next += matches.length;
      return { query, matches: ranked };
    });
  }

  /** Admits nothing more; resolves when what is in flight is answered, at the latest after `drainMs`. */
  drain(drainMs: number): Promise<void> {
    return this.#options.admission.close(drainMs);
  }
}
