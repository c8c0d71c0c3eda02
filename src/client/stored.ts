import type { Document } from '../protocol/jina/document.ts';
import { inSentOrder } from './answer.ts';
import type { Batch } from './batches.ts';
import { ClipClientError } from './error.ts';
import { type Files, type Input, idOf, load } from './input.ts';
import { wasRefused } from './retry.ts';
import { type CallContext, newRequestId, type Sender } from './sender.ts';
import type { AnsweredDocument } from './transport.ts';

/**
 * Documents for an index, or queries to one, as the server answers them and in the order in which they were sent. Their ids are the
 * inputs' own, or made here.
 *
 * @throws ClipClientError of the request or of an input
 */
export async function storedBatch(
  sender: Sender,
  call: CallContext,
  batch: Batch<Input>,
  files: Files | undefined,
): Promise<{ readonly documents: AnsweredDocument[]; readonly bytes: number }> {
  const sent: Document[] = [];
  const ids = new Set<string>();
  for (const [i, input] of batch.inputs.entries()) {
    const index = batch.first + i;
    const id = idOf(input) ?? newRequestId();
    if (ids.has(id))
      throw new ClipClientError('invalid_input', `expected ids that differ, got ${id} twice`, { index });
    ids.add(id);
    sent.push(
      await load(input, id, files).catch((thrown) => {
        throw thrown instanceof ClipClientError ? thrown.at({ index }) : thrown;
      }),
    );
  }
  const place = { first: batch.first, count: sent.length };
  const mayRetry = call.endpoint === '/search' ? (error: ClipClientError) => error.retryable : wasRefused;
  return sender.retry(call.signal, mayRetry, () =>
    sender.send(call, sent, place, ({ documents, bytes }) => ({
      documents: inSentOrder(sent, documents),
      bytes,
    })),
  );
}
