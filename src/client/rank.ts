import { inSentOrder, type Match, matchesOf } from './answer.ts';
import type { Batch, Weight } from './batches.ts';
import { ClipClientError } from './error.ts';
import { type Files, type Input, idOf, load, weigh } from './input.ts';
import type { CallContext, Sender } from './sender.ts';

/** One query and what is to be sorted by it. A group is never divided: its scores are relative to each other. */
export interface RankGroup {
  readonly query: Input;
  readonly candidates: readonly Input[];
}

export async function weighGroup(group: RankGroup, files: Files | undefined): Promise<Weight> {
  const weights = await Promise.all([group.query, ...group.candidates].map((input) => weigh(input, files)));
  return { items: weights.length, bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Matches of each group of the batch, best first.
 *
 * @throws ClipClientError of the request or of an input; `index` is the group's
 */
export async function rankBatch(
  sender: Sender,
  call: CallContext,
  batch: Batch<RankGroup>,
  files: Files | undefined,
): Promise<{ readonly ranked: Match[][]; readonly bytes: number }> {
  const roots = await Promise.all(
    batch.inputs.map((group, i) =>
      rootOf(group, String(i), files).catch((thrown) => {
        throw thrown instanceof ClipClientError ? thrown.at({ index: batch.first + i }) : thrown;
      }),
    ),
  );
  const place = { first: batch.first, count: roots.length };
  return sender.retry(
    call.signal,
    (error) => error.retryable,
    () =>
      sender.send(call, roots, place, ({ documents, bytes }) => {
        const ranked = inSentOrder(roots, documents).map((document, i) =>
          matchesOf(document, roots[i]!.matches, batch.inputs[i]!.candidates.map(idOf)),
        );
        return { ranked, bytes };
      }),
  );
}

async function rootOf({ query, candidates }: RankGroup, id: string, files: Files | undefined) {
  if (candidates.length === 0)
    throw new ClipClientError('invalid_input', 'expected at least one candidate, got none');
  const root = await load(query, id, files);
  const matches = await Promise.all(candidates.map((input, j) => load(input, `${id}.${j}`, files)));
  return { ...root, matches };
}
