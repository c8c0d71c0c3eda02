import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { PlanRecord, ProvedPlan, Refusal } from './plan.ts';
import type { PlanFolder } from './plan-folder.ts';
import { HEADER_BYTES, headerFault } from './plan-header.ts';
import { RECORD_BYTES, readRecord } from './plan-record.ts';
import { openPrivate, PIECE_BYTES, UntrustedError } from './private-files.ts';

/** What lies under a name: a plan or a refusal; nothing; or files that must not be used, and why, as a clause. */
export type Reading =
  | { readonly found: ProvedPlan | Refusal }
  | { readonly absent: string }
  | { readonly bad: string };

/** Reads and checks what lies under the name: owner, record, size, header, checksum, in this order. @throws the signal's reason */
export async function readPlan(folder: PlanFolder, name: string, signal: AbortSignal): Promise<Reading> {
  let part = 'record';
  try {
    const record = await recordOf(folder, name);
    if ('refused' in record) return { found: record };
    part = 'plan';
    return { found: { record, plan: await readBytes(folder.plan(name), record, signal) } };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      return { absent: part === 'record' ? 'none has been built yet' : 'its plan is gone' };
    // What the system does not let us read may be whole.
    if (code !== undefined) return { absent: message };
    return { bad: thrown instanceof UntrustedError ? message : `its ${part}: ${message}` };
  }
}

/** What the side-car says; the plan itself is not looked at. @throws Error of the file system; Error with a clause */
export async function recordOf(folder: PlanFolder, name: string): Promise<PlanRecord | Refusal> {
  const { file, info } = await openPrivate(folder.record(name));
  try {
    if (info.size > RECORD_BYTES) throw new Error(`expected at most ${RECORD_BYTES} bytes, got ${info.size}`);
    return readRecord(await file.readFile('utf8'), name);
  } finally {
    await file.close();
  }
}

async function readBytes(path: string, record: PlanRecord, signal: AbortSignal): Promise<Uint8Array> {
  const { file, info } = await openPrivate(path);
  try {
    if (info.size !== record.bytes) throw new Error(`expected ${record.bytes} bytes, got ${info.size}`);
    const head = await readPieces(file, new Uint8Array(Math.min(HEADER_BYTES, info.size)), () => {});
    const fault = headerFault(head, record.key.tensorrt);
    if (fault) throw new Error(fault);
    const sum = createHash('sha256');
    const bytes = await readPieces(file, new Uint8Array(info.size), (piece) => {
      signal.throwIfAborted();
      sum.update(piece);
    });
    const found = sum.digest('hex');
    if (found !== record.sha256) throw new Error(`expected SHA-256 ${record.sha256}, got ${found}`);
    return bytes;
  } finally {
    await file.close();
  }
}

/** Fills the bytes from the file's beginning. */
async function readPieces(
  file: FileHandle,
  bytes: Uint8Array,
  onPiece: (piece: Uint8Array) => void,
): Promise<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(PIECE_BYTES, bytes.length - at), at);
    if (bytesRead === 0) throw new Error(`expected ${bytes.length} bytes, got ${at}`);
    onPiece(bytes.subarray(at, at + bytesRead));
    at += bytesRead;
  }
  return bytes;
}
