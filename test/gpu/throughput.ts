import { photo } from '../../bench/photo.ts';
import { captions } from '../../bench/sample-texts.ts';
import type { Document } from '../../src/protocol/jina/document.ts';
import { encodeRequest } from '../../src/protocol/jina/wire/request.ts';
import { PRESETS } from '../models/presets.ts';
import { noise } from '../native/pictures.ts';
import type { BuiltModel, Run } from './host.ts';
import { itemsPerSecond } from './load.ts';
import type { Find } from './phase.ts';
import { startGpuServer } from './server.ts';

const SECONDS = 5;
const QUICK_SECONDS = 0.2;
const PICTURES_PER_REQUEST = 8;
const TEXTS_PER_REQUEST = 64;
const REQUESTS = 8;
/** Before a window: connections, caches, the pool of threads. */
const WARM_SHARE = 0.2;

/** Items per second through the built server, its client on the same machine. */
export async function measureServer(run: Run, model: BuiltModel, find: Find): Promise<void> {
  const side = PRESETS[model.preset].resolution;
  const texts = captions();
  const kinds: Record<string, (at: number) => Promise<Partial<Document>>> = {
    'server, images/s, JPEG of 500 × 375': async (at) => ({ blob: await photo(at) }),
    'server, images/s, ready-made pixels': async () => ({
      tensor: { shape: [side, side, 3], data: noise(3 * side * side) },
    }),
    'server, texts/s, captions': async (at) => ({ text: texts[at % texts.length]! }),
  };
  const server = await startGpuServer(run, model);
  try {
    for (const [name, make] of Object.entries(kinds)) {
      const perRequest = name.includes('texts') ? TEXTS_PER_REQUEST : PICTURES_PER_REQUEST;
      const requests = await requestsOf(make, perRequest);
      const seconds = run.quick ? QUICK_SECONDS : SECONDS;
      const load = { port: server.ports.websocket!, requests, perRequest };
      await itemsPerSecond({ ...load, seconds: seconds * WARM_SHARE });
      const best = await itemsPerSecond({ ...load, seconds });
      find({ name, outcome: 'measured', figures: { best } });
    }
  } finally {
    await server.stop();
  }
}

function requestsOf(
  make: (at: number) => Promise<Partial<Document>>,
  perRequest: number,
): Promise<Uint8Array[]> {
  const request = async (_: unknown, at: number) => {
    const documents = Array.from({ length: perRequest }, async (_, i) => ({
      ...(await make(at * perRequest + i)),
      id: `${i}`,
    }));
    return encodeRequest({
      requestId: at.toString(16).padStart(32, '0'),
      endpoint: '/encode',
      parameters: { drop_image_content: true },
      documents: await Promise.all(documents),
    });
  };
  return Promise.all(Array.from({ length: REQUESTS }, request));
}
