import type { Addon } from './addon.ts';

const EVERY_MS = 2_000;
/** Processor time within EVERY_MS, in µs, below which nothing was freed that is worth asking for. */
const WORKED_US = 50_000;

/**
 * Gives the memory that traffic leaves free back to the system while the server works, on a thread of its own: glibc
 * keeps some 60 MB of it otherwise.
 *
 * @returns ends it
 */
export function keepTrimmed(addon: Pick<Addon, 'trimMemory'>): () => void {
  let before = process.cpuUsage();
  let trimming = false;
  const timer = setInterval(async () => {
    const { user, system } = process.cpuUsage(before);
    if (trimming || user + system < WORKED_US) return;
    trimming = true;
    await addon.trimMemory();
    before = process.cpuUsage();
    trimming = false;
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}
