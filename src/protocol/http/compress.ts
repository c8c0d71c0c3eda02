import { addAbortSignal, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import type { GatewayConfig } from '../../config/config.ts';
import { type Acceptance, acceptance, type Coding } from './coding.ts';
import type { HttpRequest, Reply } from './server.ts';

/** Shorter answers fit into one packet anyway. */
const LEAST_BYTES = 1024;
const CHUNK_BYTES = 64 * 1024;
const COMPRESSIBLE = /^(?:application\/json|text\/)/;
/**
 * What Python's HTTP libraries send without being told to. Their users come from a server that never compresses, and
 * on a local network the work costs more than the bytes.
 */
const UNASKED = 'gzip, deflate';
const PLAIN: Acceptance = { coding: undefined, identity: true };

/**
 * The fastest level of each. Vectors printed as JSON are digits: gzip 1 makes 0.46 of them and gzip 6 makes 0.44 at four
 * times the cost; brotli 1 makes 0.44 at half of gzip's.
 */
const ENGINES: Readonly<Record<Coding, (size: number) => Transform>> = {
  gzip: () => createGzip({ level: 1, chunkSize: CHUNK_BYTES }),
  deflate: () => createDeflate({ level: 1, chunkSize: CHUNK_BYTES }),
  br: (size) =>
    createBrotliCompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_SIZE_HINT]: size },
    }),
};

/** Compresses answers for those who ask, on libuv's threads. */
export function compressor(
  mode: GatewayConfig['httpCompression'],
): (request: HttpRequest, reply: Reply) => Reply | Promise<Reply> {
  if (mode === 'off') return (_request, reply) => reply;
  return (request, reply) => {
    if (reply.body.length === 0 || !COMPRESSIBLE.test(reply.headers['content-type'] ?? '')) return reply;
    const asked = request.headers.get('accept-encoding');
    const unasked = asked === undefined || (mode === 'auto' && asked === UNASKED);
    const { coding, identity } = unasked ? PLAIN : acceptance(asked);
    if (identity && reply.body.length < LEAST_BYTES) return reply;
    const varied = { ...reply, headers: { ...reply.headers, vary: vary(reply) } };
    return coding === undefined ? varied : compressed(varied, coding, request.signal);
  };
}

async function compressed(reply: Reply, coding: Coding, signal: AbortSignal): Promise<Reply> {
  const engine = addAbortSignal(signal, ENGINES[coding](reply.body.length));
  engine.end(reply.body);
  try {
    return {
      ...reply,
      headers: { ...reply.headers, 'content-encoding': coding },
      body: await buffer(engine),
    };
  } catch (error) {
    // Nobody is left to read it.
    if (signal.aborted) return reply;
    throw error;
  }
}

function vary({ headers }: Reply): string {
  return headers.vary ? `${headers.vary}, accept-encoding` : 'accept-encoding';
}
