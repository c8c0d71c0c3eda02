import type { ErrorCode } from '../../src/errors.ts';
import { ClipError } from '../../src/errors.ts';
import type { Context, Item, Outcome } from '../../src/service/item.ts';
import { FakeService } from '../protocol/fake-service.ts';

/** A service whose mood a client sets by its text: `busy:CODE:N:ID` fails N times for each ID, `hang:` never answers. */
export class MoodyService extends FakeService {
  readonly #failed = new Map<string, number>();
  /** Requests of `hang:` whose client has left. */
  left = 0;

  override async encode(items: readonly Item[], context: Context): Promise<Outcome[]> {
    for (const item of items) if (item.kind === 'text') await this.#act(item.text, context.signal);
    return super.encode(items, context);
  }

  async #act(text: string, signal: AbortSignal): Promise<void> {
    const [mood, code, times] = text.split(':');
    if (mood === 'busy') {
      const failed = this.#failed.get(text) ?? 0;
      this.#failed.set(text, failed + 1);
      if (failed < Number(times))
        throw new ClipError(code as ErrorCode, `expected another time than ${failed}`);
    }
    if (mood !== 'hang') return;
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        this.left += 1;
        reject(signal.reason);
      }),
    );
  }
}
