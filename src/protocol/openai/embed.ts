import { untilAborted } from '../../abort.ts';
import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Item, Outcome } from '../../service/item.ts';
import { bytesReply } from '../http/fault.ts';
import type { Life } from '../http/json-call.ts';
import type { Call } from '../http/route.ts';
import { isObject } from '../jina/parse-fields.ts';
import type { Site } from '../site.ts';
import { ParameterError } from './parameter-error.ts';

export type Embedded = Extract<Outcome, { vector: Float32Array }>;

/** What the reference's metrics count these requests under. */
const ENDPOINT = '/encode';

export interface EmbedOptions {
  readonly items: readonly Item[];
  /** Where an item stands in the body, for the error of one that fails. */
  readonly nameOf: (index: number) => string;
  readonly print: (embedded: readonly Embedded[]) => Promise<Buffer> | Buffer;
}

/** Embeds all items or none, and sends what is printed of them. @throws ClipError of the first item that failed */
export async function embed(
  site: Site,
  call: Call,
  { permit, patience, working, bytes }: Life,
  { items, nameOf, print }: EmbedOptions,
): Promise<'ok' | ErrorCode> {
  const passage = site.metrics.jina.receive(bytes);
  try {
    permit.addItems(items.length);
    const done = passage.handOver(ENDPOINT, ENDPOINT);
    const { signal, deadline } = patience;
    const work = site.service.encode(items, { permit, signal, deadline, trace: call.trace });
    const settled = work.then(
      (outcomes) => done({ failed: outcomes.some((each) => 'error' in each), documents: items.length }),
      () => done({ failed: true, documents: 0 }),
    );
    working.push(settled);
    const embedded = allOf(await untilAborted(work, signal), nameOf);
    const body = await print(embedded);
    const sent = await call.send(bytesReply(200, 'application/json', body));
    if (sent) passage.succeeded(body.length);
    return sent ? 'ok' : 'cancelled';
  } finally {
    passage.failed();
  }
}

function allOf(outcomes: readonly Outcome[], nameOf: (index: number) => string): Embedded[] {
  return outcomes.map((outcome, i) => {
    if (!('error' in outcome)) return outcome;
    const { code, message, kind } = outcome.error;
    // What is the server's fault is no fault of the item.
    if (kind.http >= 500 || code === 'overloaded') throw outcome.error;
    throw new ParameterError(nameOf(i), message, code);
  });
}

/** Tokens that the model has read; pictures have none. */
export function tokensOf(embedded: readonly Embedded[]): number {
  return embedded.reduce((sum, { tokens = 0 }) => sum + tokens, 0);
}

/** @throws ClipError invalid_request */
export function bodyObject(body: unknown): Readonly<Record<string, unknown>> {
  if (isObject(body)) return body;
  throw new ClipError('invalid_request', 'expected a JSON object, got something else');
}
