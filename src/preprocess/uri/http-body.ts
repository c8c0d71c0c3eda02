import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClipError } from '../../errors.ts';

const INFLATERS = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);
const MARKUP_TYPES = /^(text\/|application\/(json|xml|xhtml\+xml))/i;

/**
 * The body of a response, inflated where it came compressed. `maxBytes` holds before and after inflation, whatever
 * Content-Length says.
 *
 * @throws ClipError image_too_large, fetch_failed for an empty or textual body; errors of the streams as they are
 */
export async function readBody(
  response: IncomingMessage,
  maxBytes: number,
  where: string,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new ClipError('image_too_large', `${where}: expected at most ${maxBytes} bytes, got more`);
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of inflated(response, where) as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    if (total > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks, total);
  checkContent(bytes, response.headers['content-type'] ?? '', where);
  return bytes;
}

function inflated(response: IncomingMessage, where: string): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return response;
  const create = INFLATERS.get(encoding);
  if (create) return pipeline(response, create(), () => {});
  throw new ClipError(
    'fetch_failed',
    `${where}: expected content-encoding gzip, deflate or br, got ${JSON.stringify(encoding.slice(0, 40))}`,
  );
}

/** Pictures under a wrong type pass; a page or a JSON answer is named for what it is. */
function checkContent(bytes: Buffer, type: string, where: string): void {
  if (bytes.length === 0)
    throw new ClipError('fetch_failed', `${where}: expected an image, got an empty body`);
  if (!MARKUP_TYPES.test(type)) return;
  const start = bytes
    .toString('latin1', 0, 256)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (!/^[<{[]/.test(start)) return;
  throw new ClipError(
    'fetch_failed',
    `${where}: expected an image, got ${JSON.stringify(type.slice(0, 80))}`,
  );
}
