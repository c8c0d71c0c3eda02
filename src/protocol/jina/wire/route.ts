import type { Route } from '../response.ts';
import { ROUTE, TIMESTAMP } from './fields.ts';
import type { Reader } from './reader.ts';
import { readStatus, type WireStatus, writeStatus } from './status.ts';
import type { Writer } from './writer.ts';

/** `RouteProto` as a client reads it; times in microseconds since 1970. */
export interface WireRoute {
  executor: string;
  start?: number;
  /** Absent for an executor that the request was not meant for. */
  end?: number;
  status?: WireStatus;
}

const MICROSECONDS = 1_000_000;

export function writeRoute(out: Writer, tag: number, { executor, start, end, error }: Route): void {
  const route = out.open(tag);
  out.text(ROUTE.executor, executor);
  writeTime(out, ROUTE.startTime, start);
  if (end !== undefined) writeTime(out, ROUTE.endTime, end);
  if (error) writeStatus(out, ROUTE.status, error);
  out.close(route);
}

/** @throws ClipError invalid_request, too_deep */
export function readRoute(reader: Reader): WireRoute {
  const outer = reader.enter();
  const route: WireRoute = { executor: '' };
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === ROUTE.executor) route.executor = reader.string();
    else if (tag === ROUTE.startTime) route.start = readTime(reader);
    else if (tag === ROUTE.endTime) route.end = readTime(reader);
    else if (tag === ROUTE.status) route.status = readStatus(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return route;
}

function writeTime(out: Writer, tag: number, microseconds: number): void {
  const time = out.open(tag);
  out.uint64(TIMESTAMP.seconds, Math.floor(microseconds / MICROSECONDS));
  const nanos = (microseconds % MICROSECONDS) * 1000;
  if (nanos > 0) out.uint32(TIMESTAMP.nanos, nanos);
  out.close(time);
}

function readTime(reader: Reader): number {
  const outer = reader.enter();
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === TIMESTAMP.seconds) seconds = reader.int64();
    else if (tag === TIMESTAMP.nanos) nanos = reader.uint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return seconds * MICROSECONDS + Math.floor(nanos / 1000);
}
