import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** What a file's bytes must hash to; lower-case hexadecimal. */
export interface Checksum {
  readonly md5: string;
  readonly sha256?: string;
}

/** Bytes hashed between two turns of the event loop: about a millisecond. */
const READ_BYTES = 512 * 1024;

/** Hashes what passes through it, by every algorithm that the expected checksum names. */
export class Digest {
  readonly #expected: Checksum;
  #md5 = createHash('md5');
  #sha256 = createHash('sha256');

  constructor(expected: Checksum) {
    this.#expected = expected;
  }

  update(bytes: Uint8Array): void {
    this.#md5.update(bytes);
    if (this.#expected.sha256 !== undefined) this.#sha256.update(bytes);
  }

  /** Undefined where everything so far hashes to what was expected, else how it differs. May be asked again later. */
  difference(): string | undefined {
    const { md5, sha256 } = this.#expected;
    const foundMd5 = this.#md5.copy().digest('hex');
    if (foundMd5 !== md5) return `expected MD5 ${md5}, got ${foundMd5}`;
    if (sha256 === undefined) return undefined;
    const found = this.#sha256.copy().digest('hex');
    return found === sha256 ? undefined : `expected SHA-256 ${sha256}, got ${found}`;
  }
}

/** Feeds a file through a digest in small steps; resolves to its size. */
export async function digestFile(
  path: string,
  digest: { update(bytes: Uint8Array): unknown },
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Promise<number> {
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES, signal })) {
    digest.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    onBytes(done);
  }
  return done;
}
