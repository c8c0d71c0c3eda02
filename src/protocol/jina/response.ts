import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClipError } from '../../errors.ts';
import type { Answer } from './answer.ts';
import { isoMicroseconds } from './clock.ts';
import { type Document, newId } from './document.ts';
import { statusOf } from './status.ts';
import { documentToJson } from './write-document.ts';
import { jsonValue } from './write-json.ts';

/** Longest stretch of printing before other requests get the thread. */
const SLICE_MS = 4;
/** Documents are gathered up to this length before they become bytes. */
const PART_CHARACTERS = 64 * 1024;

/** Microseconds since 1970. */
export interface Route {
  readonly executor: string;
  readonly start: number;
  /** Absent for an executor that the request was not meant for. */
  readonly end?: number;
  readonly error?: ClipError;
}

/**
 * The two entries that clients expect. `profile` of the Python client divides by the gateway's span in whole
 * milliseconds, so that span is never below one.
 */
export function routesOf(
  executor: string,
  span: {
    readonly received: number;
    readonly started: number;
    readonly ended?: number;
    readonly now: number;
  },
  error?: ClipError,
): Route[] {
  return [
    { executor: 'gateway', start: span.received, end: Math.max(span.now, span.received + 1000) },
    { executor, start: span.started, end: span.ended, error },
  ];
}

/** The response body. @throws ClipError bad_vector */
export function responseToJson({ request, error, routes }: Answer): Promise<Buffer> {
  const { endpoint = '/', parameters, documents } = request;
  const head =
    `{"header":{"requestId":"${newId()}","status":${error ? JSON.stringify(statusOf(error)) : null},` +
    `"execEndpoint":${JSON.stringify(endpoint)},"targetExecutor":""},"parameters":${jsonValue(parameters)},` +
    `"routes":[${routes.map(routeToJson).join(',')}],"data":[`;
  return documentsToJson(head, documents, ']}');
}

/** Documents, separated by commas, between what stands before and after them. @throws ClipError bad_vector */
export function documentsToJson(head: string, documents: readonly Document[], tail: string): Promise<Buffer> {
  return listToJson(head, documents, documentToJson, tail);
}

/**
 * What `print` makes of each item, separated by commas, between head and tail. A vector of 512 costs some 0.03 ms to print,
 * so many are printed in slices.
 *
 * @throws what `print` throws
 */
export async function listToJson<T>(
  head: string,
  items: readonly T[],
  print: (item: T, index: number) => string,
  tail: string,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let part = head;
  let sliceStart = performance.now();
  for (const [i, item] of items.entries()) {
    part += i === 0 ? print(item, i) : `,${print(item, i)}`;
    if (part.length > PART_CHARACTERS) {
      parts.push(Buffer.from(part));
      part = '';
    }
    if (performance.now() - sliceStart < SLICE_MS) continue;
    await nextTurn();
    sliceStart = performance.now();
  }
  const last = Buffer.from(part + tail);
  return parts.length === 0 ? last : Buffer.concat([...parts, last]);
}

function routeToJson({ executor, start, end, error }: Route): string {
  const endTime = end === undefined ? null : `"${isoMicroseconds(end)}"`;
  const status = error ? JSON.stringify(statusOf(error)) : null;
  return `{"executor":${JSON.stringify(executor)},"startTime":"${isoMicroseconds(start)}","endTime":${endTime},"status":${status}}`;
}
