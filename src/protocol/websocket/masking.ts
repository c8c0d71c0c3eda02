import { createRequire } from 'node:module';

/**
 * Why `ws` unmasks messages in JavaScript, six times slower for large ones than natively; undefined where it does not.
 * `bufferutil` falls back to JavaScript without a word where it has no binary for the system.
 */
export function slowMasking(): string | undefined {
  if (process.env.WS_NO_BUFFER_UTIL) return 'WS_NO_BUFFER_UTIL is set';
  try {
    const { unmask } = createRequire(import.meta.url)('bufferutil') as { unmask: () => void };
    const native = Function.prototype.toString.call(unmask).includes('[native code]');
    return native ? undefined : 'bufferutil has no binary for this system';
  } catch (error) {
    return `bufferutil cannot be loaded: ${(error as Error).message}`;
  }
}
