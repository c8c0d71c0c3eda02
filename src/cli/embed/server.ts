import { CLIP_LOGIT_SCALE } from '../../service/rank.ts';
import { openClient } from '../client.ts';
import type { Embedder } from './embedder.ts';

/**
 * A running server's. One that does not say its model's scale has CLIP's: the Python server knows no other.
 *
 * @throws ConfigError for an address or a certificate that is none; ClipClientError where no server answers
 */
export async function openServerEmbedder(
  server: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<Embedder> {
  const client = await openClient({ server, ca });
  try {
    const { versions } = await client.info({ signal });
    const said = versions['logit-scale'];
    return {
      name: versions.model ?? server,
      logitScale: said === undefined ? CLIP_LOGIT_SCALE : Number(said),
      encode: (sources, wanted) => client.encodeStream(sources, { perItem: true, signal: wanted }),
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
