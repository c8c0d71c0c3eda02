import type { ClipError } from '../../../errors.ts';
import { statusOf } from '../status.ts';
import { EXCEPTION, STATUS } from './fields.ts';
import { Reader } from './reader.ts';
import { encodeMessage, type Writer } from './writer.ts';

/** `StatusProto` as a client reads it. */
export interface WireStatus {
  /** 0 is success, 1 an error. */
  code: number;
  description: string;
  exception?: WireException;
}

export interface WireException {
  name: string;
  args: string[];
  stacks: string[];
  executor: string;
}

/** Sub-messages deep at most: the exception is the only one, the rest is of groups of a later version. */
const MOST_LEVELS = 10;

/** `StatusProto`; success is no bytes at all. */
export function encodeStatus(error: ClipError | undefined): Uint8Array {
  return encodeMessage((out) => {
    if (error) writeStatusFields(out, error);
  });
}

/** @throws ClipError invalid_request */
export function decodeStatus(message: Uint8Array): WireStatus {
  return readStatusFields(new Reader(message, MOST_LEVELS));
}

export function writeStatus(out: Writer, tag: number, error: ClipError): void {
  const opened = out.open(tag);
  writeStatusFields(out, error);
  out.close(opened);
}

/** @throws ClipError invalid_request, too_deep */
export function readStatus(reader: Reader): WireStatus {
  const outer = reader.enter();
  const status = readStatusFields(reader);
  reader.leave(outer);
  return status;
}

function writeStatusFields(out: Writer, error: ClipError): void {
  const { code, description, exception } = statusOf(error);
  out.uint32(STATUS.code, code);
  out.text(STATUS.description, description);
  const opened = out.open(STATUS.exception);
  out.text(EXCEPTION.name, exception.name);
  for (const arg of exception.args) out.string(EXCEPTION.args, arg);
  for (const stack of exception.stacks) out.string(EXCEPTION.stacks, stack);
  out.text(EXCEPTION.executor, exception.executor);
  out.close(opened);
}

function readStatusFields(reader: Reader): WireStatus {
  const status: WireStatus = { code: 0, description: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === STATUS.code) status.code = reader.uint32();
    else if (tag === STATUS.description) status.description = reader.string();
    else if (tag === STATUS.exception) status.exception = readException(reader, status.exception);
    else reader.skip(tag);
  }
  return status;
}

/** Parts of one message that came in pieces are put together, as protobuf does. */
function readException(
  reader: Reader,
  exception: WireException = { name: '', args: [], stacks: [], executor: '' },
): WireException {
  const outer = reader.enter();
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === EXCEPTION.name) exception.name = reader.string();
    else if (tag === EXCEPTION.args) exception.args.push(reader.string());
    else if (tag === EXCEPTION.stacks) exception.stacks.push(reader.string());
    else if (tag === EXCEPTION.executor) exception.executor = reader.string();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return exception;
}
