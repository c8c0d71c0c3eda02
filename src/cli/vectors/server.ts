import { openClient } from '../client.ts';
import type { Vectors } from './vectors.ts';

/** CLIP's; a server does not say its model's. */
const CLIP_LOGIT_SCALE = Math.exp(4.60517);

/** @throws ConfigError for an address or a certificate that is none */
export async function openServerVectors(server: string, ca: string | undefined): Promise<Vectors> {
  const client = await openClient({ server, ca });
  return {
    name: server,
    logitScale: CLIP_LOGIT_SCALE,
    encode: (sources, signal) => client.encodeStream(sources, { perItem: true, signal }),
    close: () => client.close(),
  };
}
