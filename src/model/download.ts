import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClipError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import type { Checksum } from './digest.ts';
import { type OpenPart, PartFile } from './part-file.ts';
import { byteReporter, type OnProgress } from './progress.ts';
import { hubEndpoint, printable } from './sources.ts';
import { type TransferContext, TransferError, type TransferLimits, transfer } from './transfer.ts';

export interface DownloadLimits extends TransferLimits {
  /** Attempts at one source without a new byte. */
  readonly attempts: number;
  /** Attempts at one source in all. */
  readonly attemptsInAll: number;
  /** ms before the second attempt; doubles with each further one. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** A source that asks by Retry-After for a longer pause is left for the next one; ms. */
  readonly retryAfterMaxMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  connectMs: 10_000,
  stallMs: 30_000,
  redirects: 5,
  attempts: 4,
  attemptsInAll: 50,
  backoffMs: 500,
  backoffMaxMs: 15_000,
  retryAfterMaxMs: 60_000,
};

export interface WantedFile {
  /** For messages: `ViT-B-32::openai visual.onnx`. */
  readonly label: string;
  /** Absolute path that the finished file gets. */
  readonly target: string;
  readonly checksum: Checksum;
  readonly maxBytes: number;
  /** Sources in the order tried. */
  readonly urls: readonly URL[];
}

export interface DownloadHooks {
  readonly progress: OnProgress;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Proxies, `HF_ENDPOINT`, `HF_TOKEN`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits: DownloadLimits;
  readonly openPart?: OpenPart;
}

/**
 * Brings a file from the first source that gives the right bytes; the caller holds its lock. What was received by
 * then stays in `TARGET.part` where an abort or unwilling sources end the attempt, and nothing stays where the disk is full.
 * Throws `model_unavailable` with what each source answered.
 */
export async function download(wanted: WantedFile, hooks: DownloadHooks): Promise<void> {
  try {
    await downloadTo(wanted, hooks);
  } catch (thrown) {
    hooks.signal.throwIfAborted();
    throw explain(thrown, wanted);
  }
}

async function downloadTo(wanted: WantedFile, hooks: DownloadHooks): Promise<void> {
  const part = await PartFile.open(wanted.target, wanted.checksum, hooks.signal, hooks.openPart);
  let closePart = () => part.keep();
  try {
    await fill(part, wanted, hooks);
    closePart = () => part.finish(wanted.target);
  } catch (thrown) {
    if (isDiskFull(thrown) || part.size === 0) closePart = () => part.discard();
    throw thrown;
  } finally {
    await closePart();
  }
}

/** Returns once `part` holds the right bytes. */
async function fill(part: PartFile, wanted: WantedFile, hooks: DownloadHooks): Promise<void> {
  if (part.size > 0 && part.difference() === undefined) return;
  const failures: string[] = [];
  for (const url of wanted.urls) {
    const failure = await trySource(url, part, wanted, hooks);
    if (failure === undefined) return;
    hooks.log.warn(`${wanted.label}: ${printable(url)} ${failure}`);
    failures.push(`  ${printable(url)} ${failure}`);
  }
  throw new ClipError(
    'model_unavailable',
    `${wanted.label} could not be fetched:\n${failures.join('\n')}\n` +
      `Put the file (MD5 ${wanted.checksum.md5}) at ${wanted.target} by hand, or name another source in files.sources.`,
  );
}

/** Undefined where the source gave the right bytes, else its last failure. */
async function trySource(
  url: URL,
  part: PartFile,
  wanted: WantedFile,
  hooks: DownloadHooks,
): Promise<string | undefined> {
  const { limits, signal, log } = hooks;
  let idle = 0;
  for (let attempt = 1; ; attempt++) {
    const before = part.size;
    try {
      await transfer(url, part, transferContext(url, before, wanted, hooks));
      const difference = part.difference();
      if (difference === undefined) return undefined;
      await part.restart();
      // Bytes of an earlier run or of another source may be the wrong ones: once more, from the first byte.
      if (before === 0 || attempt >= limits.attemptsInAll) return `gave other bytes: ${difference}`;
    } catch (thrown) {
      if (!(thrown instanceof TransferError)) throw thrown;
      idle = part.size > before ? 0 : idle + 1;
      const pause = thrown.retryAfterMs ?? backoff(idle, limits);
      const isFinal = !thrown.retry || idle >= limits.attempts || attempt >= limits.attemptsInAll;
      if (isFinal || pause > limits.retryAfterMaxMs) return thrown.message;
      log.info(
        `${wanted.label}: ${printable(url)} ${thrown.message}; trying again in ${Math.ceil(pause)} ms`,
      );
      await sleep(pause, undefined, { signal });
    }
  }
}

function transferContext(url: URL, start: number, wanted: WantedFile, hooks: DownloadHooks): TransferContext {
  const token = hooks.environment.HF_TOKEN;
  let report: ((done: number) => void) | undefined;
  return {
    environment: hooks.environment,
    hub: { origin: new URL(hubEndpoint(hooks.environment)).origin, ...(token && { token }) },
    maxBytes: wanted.maxBytes,
    limits: hooks.limits,
    signal: hooks.signal,
    onBytes: (done, total) => {
      report ??= byteReporter(hooks.progress, wanted.label, 'downloading', {
        start,
        detail: url.host || url.pathname,
        ...(total !== undefined && { total }),
      });
      report(done);
    },
  };
}

/** Full jitter above half of the exponential pause. */
function backoff(failures: number, { backoffMs, backoffMaxMs }: DownloadLimits): number {
  const full = Math.min(backoffMs * 2 ** Math.max(0, failures - 1), backoffMaxMs);
  return full / 2 + (Math.random() * full) / 2;
}

function isDiskFull(thrown: unknown): boolean {
  const { code } = thrown as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Names the remedy of a fault of the disk; anything else passes through. */
export function explain(thrown: unknown, wanted: WantedFile): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const folder = dirname(wanted.target);
  const fault = (sentence: string) =>
    new ClipError('model_unavailable', `${wanted.label}: ${sentence} (${message})`, { cause: thrown });
  if (isDiskFull(thrown)) {
    return fault(`the disk of ${folder} is full; free some space or name another folder in files.cache`);
  }
  if (['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code ?? '')) {
    return fault(`${folder} cannot be written; make it a folder that can, or name another in files.cache`);
  }
  return thrown;
}
