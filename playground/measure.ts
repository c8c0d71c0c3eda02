import { byId } from './element.ts';
import { encode } from './server.ts';

/** Requests in flight, texts in each, and for how long. */
const AT_ONCE = 4;
const TEXTS = 32;
const MS = 1500;

/** The button that asks for texts until it knows how many a second come back. */
export function startMeasure(guard: (work: () => Promise<void>) => Promise<void>): void {
  const button = byId<HTMLButtonElement>('measure');
  button.addEventListener('click', () =>
    guard(async () => {
      button.disabled = true;
      button.textContent = 'Measuring…';
      try {
        const rate = await textsPerSecond();
        byId('texts-rate').textContent = `${rate.toLocaleString('en')}/s`;
        byId('measured').textContent = `${rate} texts per second`;
      } finally {
        button.disabled = false;
        button.textContent = 'Measure throughput';
      }
    }),
  );
}

async function textsPerSecond(): Promise<number> {
  const began = performance.now();
  let texts = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - began < MS) {
      // Different each time: nothing on the way may know the answer already.
      const parts = Array.from({ length: TEXTS }, () => ({
        text: `a picture of ${Math.random().toString(36).slice(2, 8)}`,
      }));
      await encode(parts);
      texts += TEXTS;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return Math.round((texts * 1000) / (performance.now() - began));
}
