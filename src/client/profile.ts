import { ClipClientError } from './error.ts';
import { type Files, type Input, load } from './input.ts';
import type { CallContext, Sender } from './sender.ts';

/** ms of one request with one item. */
export interface Profile {
  /** From the first byte sent until the answer was read. */
  readonly roundTripMs: number;
  /** What is left of it beside the server: the way there and back, and both codecs. */
  readonly networkMs: number;
  /** In the server, from the request's arrival to the answer. */
  readonly serverMs: number;
  /** Part of `serverMs` before and after the model's executor. */
  readonly gatewayMs: number;
  /** Part of `serverMs` in the model's executor. */
  readonly modelMs: number;
}

/**
 * By the routes in the answer: the gateway's span first, then the executor's. Without an input the model has nothing to do.
 *
 * @throws ClipClientError; bad_answer where the routes are not there
 */
export async function profileOf(
  sender: Sender,
  call: CallContext,
  input: Input | undefined,
  files: Files | undefined,
): Promise<Profile> {
  const document = input === undefined ? { id: '0' } : await load(input, '0', files);
  const began = performance.now();
  return sender.send(call, [document], { first: 0, count: 1 }, ({ routes, documents }) => {
    const roundTripMs = performance.now() - began;
    const fault = documents.find(({ error }) => error)?.error;
    if (fault) throw fault;
    const [serverMs, modelMs] = routes.map(({ start, end }) => ((end ?? start) - start) / 1000);
    if (serverMs === undefined || modelMs === undefined)
      throw new ClipClientError('bad_answer', `expected two routes in the answer, got ${routes.length}`);
    return {
      roundTripMs,
      networkMs: roundTripMs - serverMs,
      serverMs,
      gatewayMs: serverMs - modelMs,
      modelMs,
    };
  });
}
