import { abortError } from './bounded.ts';

interface Waiting {
  readonly key: string;
  grant(): void;
}

/**
 * At most `total` at once, and at most `perKey` of one key. First come, first served; those that wait for a busy key do
 * not hold up others.
 */
export class Slots {
  private readonly total: number;
  private readonly perKey: number;
  private readonly taken = new Map<string, number>();
  private readonly queue: Waiting[] = [];
  private used = 0;

  constructor(total: number, perKey: number) {
    this.total = total;
    this.perKey = perKey;
  }

  /** Resolves when a slot is held, which `release` must give back. @throws ClipError the signal's reason, or cancelled */
  acquire(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(abortError(signal));
    if (this.hasRoom(key)) {
      this.take(key);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.queue.splice(this.queue.indexOf(waiting), 1);
        reject(abortError(signal));
      };
      const waiting: Waiting = {
        key,
        grant: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.queue.push(waiting);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  release(key: string): void {
    const left = this.taken.get(key)! - 1;
    if (left === 0) this.taken.delete(key);
    else this.taken.set(key, left);
    this.used--;
    const next = this.queue.findIndex((waiting) => this.hasRoom(waiting.key));
    if (next < 0) return;
    const [waiting] = this.queue.splice(next, 1);
    this.take(waiting!.key);
    waiting!.grant();
  }

  private hasRoom(key: string): boolean {
    return this.used < this.total && (this.taken.get(key) ?? 0) < this.perKey;
  }

  private take(key: string): void {
    this.used++;
    this.taken.set(key, (this.taken.get(key) ?? 0) + 1);
  }
}
