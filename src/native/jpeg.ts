import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What decodes JPEGs: libjpeg-turbo, opened by the addon, or sharp where the library cannot be had. Both give the same bytes. */
export type JpegDecoder =
  | { readonly by: 'libjpeg-turbo'; readonly decodeResizeCrop: DecodeResizeCrop }
  | { readonly by: 'sharp'; readonly because: string };

/**
 * Decodes and then does what `Addon.resizeCrop` does, as one job on a thread of libuv's pool. Resolves to
 * resolution × resolution × 3 bytes, RGB, or to undefined for a file that is broken, not what the job says, or of an
 * uncommon kind (arithmetic coding, lossless, CMYK, over 100 scans). Throws TypeError or RangeError for a job that cannot be.
 */
export type DecodeResizeCrop = (job: JpegJob) => Promise<Uint8Array | undefined>;

export interface JpegJob {
  /** The whole file. Not to be changed until done. */
  readonly data: Uint8Array;
  /** By the file's header. */
  readonly width: number;
  readonly height: number;
  /** `L` for one component, `RGB` for three. */
  readonly mode: 'L' | 'RGB';
  readonly resolution: number;
}

/** Opens the library that `@julusian/jpeg-turbo` carries beside its own addon, which is never loaded. */
export function openJpegDecoder(openTurboJpeg: (path: string) => DecodeResizeCrop): JpegDecoder {
  const failures: string[] = [];
  // Only the C library of this machine can load its kind; no need to find out which one that is.
  for (const libc of ['', '-musl'])
    try {
      const path = join(
        packageFolder(),
        'prebuilds',
        `jpeg-turbo-${process.platform}-${process.arch}${libc}`,
      );
      return {
        by: 'libjpeg-turbo',
        decodeResizeCrop: openTurboJpeg(join(path, 'libturbojpeg.so.0')),
      };
    } catch (error) {
      failures.push((error as Error).message);
    }
  return { by: 'sharp', because: failures.join('; ') };
}

function packageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('@julusian/jpeg-turbo/package.json'));
}
