import { ClipError } from '../errors.ts';
import type { Vitals } from '../observe/health.ts';
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

/** A service that can say how it is. */
interface ObservedService extends EmbeddingService {
  vitals(): Vitals;
}

/**
 * The service as the protocols see it from the first second on: until the model serves, every request is refused with
 * `not_ready`, so that the port answers probes while a model is being fetched or loaded.
 */
export class ServiceGate implements EmbeddingService {
  private service?: ObservedService;
  private lost?: ClipError;

  open(service: ObservedService): void {
    this.service = service;
  }

  /** From now on every request is refused with this. */
  lose(reason: ClipError): void {
    this.lost ??= reason;
  }

  /** Undefined while the model is being loaded. */
  vitals(): Vitals | undefined {
    const vitals = this.service?.vitals();
    return vitals && { ...vitals, lost: this.lost?.message };
  }

  describe(): ServiceDescription {
    return this.current().describe();
  }

  admit(): Permit {
    return this.serving().admit();
  }

  async enter(size: RequestSize, signal: AbortSignal): Promise<Permit> {
    return this.serving().enter(size, signal);
  }

  encode(items: readonly Item[], context: Context): Promise<Outcome[]> {
    return this.current().encode(items, context);
  }

  rank(groups: readonly RankGroup[], context: Context): Promise<RankedGroup[]> {
    return this.current().rank(groups, context);
  }

  private serving(): EmbeddingService {
    if (this.lost) throw this.lost;
    return this.current();
  }

  private current(): EmbeddingService {
    if (this.service === undefined) throw new ClipError('not_ready', 'The model is still being loaded.');
    return this.service;
  }
}
