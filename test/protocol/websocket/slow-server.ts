import { openRig } from './rig.ts';

/** Run as a child with IPC: serves, and tells at the end what it held at most. */

export const STREAM_BYTES = 4 * 2 ** 20;
export const TEXT_BYTES = 8000;

export interface Held {
  /** Of requests admitted whose replies the system had not taken. */
  readonly texts: number;
  /** RSS above that before the first request. */
  readonly growth: number;
}

if (process.send) {
  const rig = await openRig({ limits: { streamBytes: STREAM_BYTES } });
  const vector = Float32Array.of(0.5, 0.25);
  rig.service.encode = async (items) => items.map(() => ({ vector }));
  const before = process.memoryUsage.rss();
  let texts = 0;
  let rss = before;
  const sample = async (): Promise<void> => {
    const replied = await rig.count('clip_requests_total{protocol="websocket",route="/",code="ok"}');
    texts = Math.max(texts, (rig.service.admitted - replied) * TEXT_BYTES);
    rss = Math.max(rss, process.memoryUsage.rss());
  };
  let sampling = true;
  const sampler = (async () => {
    while (sampling) {
      await sample();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  process.once('message', async () => {
    sampling = false;
    await sampler;
    const held: Held = { texts, growth: rss - before };
    process.send!(held);
    process.disconnect();
    await rig.listener.close(0);
  });
  process.send(rig.port);
}
