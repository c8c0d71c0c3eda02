import { utimes } from 'node:fs/promises';

/** Well within the time after which a plan counts as unused. */
const MARK_EVERY_MS = 60_000;

/** Tells other processes by a file's time that it is used, as long as it is. Its owner closes it. */
export class UseMarks {
  readonly #paths = new Set<string>();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs = MARK_EVERY_MS) {
    this.#everyMs = everyMs;
  }

  async add(path: string): Promise<void> {
    this.#paths.add(path);
    this.#timer ??= setInterval(() => this.#markAll(), this.#everyMs).unref();
    await mark(path);
  }

  #markAll(): void {
    for (const path of this.#paths) void mark(path);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#paths.clear();
  }
}

/** A file that another user owns, or of a read-only folder, keeps its time: nobody removes that either. */
async function mark(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
