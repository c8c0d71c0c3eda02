import type { Document } from '../protocol/jina/document.ts';
import { ClipClientError } from './error.ts';
import type { AnsweredDocument } from './transport.ts';

/** One match of a ranking. */
export interface Match {
  /** Position among the candidates. */
  readonly index: number;
  /** The candidate's own id, where it had one. */
  readonly id?: string;
  /** `clip_score`: softmax over the candidates of the model's logit scale × cosine; they sum to 1. */
  readonly score: number;
  /** `clip_score_cosine`, -1 to 1. */
  readonly cosine: number;
}

function bad(message: string): ClipClientError {
  return new ClipClientError('bad_answer', message);
}

/**
 * The answer's documents in the order in which they were sent, told by their ids and by nothing else.
 *
 * @throws ClipClientError bad_answer where one is missing, unknown or there twice
 */
export function inSentOrder(
  sent: readonly Document[],
  answered: readonly AnsweredDocument[],
): AnsweredDocument[] {
  if (answered.length !== sent.length)
    throw bad(`expected ${sent.length} documents in the answer, got ${answered.length}`);
  const byId = new Map(answered.map((document) => [document.id, document]));
  return sent.map(({ id }) => {
    const document = byId.get(id);
    if (document) return document;
    const unknown = answered.find((candidate) => !sent.some((own) => own.id === candidate.id));
    throw bad(
      `expected the document ${id} in the answer, got ${unknown ? `the unknown ${unknown.id}` : 'another twice'}`,
    );
  });
}

/**
 * The root's matches as the server sorted them.
 *
 * @param sent the candidates, in the order of the call
 * @param names ids of the caller's own
 * @throws ClipClientError bad_answer where a candidate is missing, unknown, there twice or without scores
 */
export function matchesOf(
  root: AnsweredDocument,
  sent: readonly Document[],
  names: readonly (string | undefined)[],
): Match[] {
  const { matches = [] } = root;
  inSentOrder(sent, matches as readonly AnsweredDocument[]);
  const positions = new Map(sent.map(({ id }, index) => [id, index]));
  return matches.map((match) => {
    const index = positions.get(match.id)!;
    const id = names[index];
    const score = match.scores?.clip_score?.value;
    // A cosine of 0 is the default of the wire and left out there.
    const cosine = match.scores?.clip_score_cosine && (match.scores.clip_score_cosine.value ?? 0);
    if (!Number.isFinite(score ?? 0) || !Number.isFinite(cosine) || !match.scores?.clip_score)
      throw bad(`expected clip_score and clip_score_cosine for candidate ${index}, got none`);
    return { index, ...(id === undefined ? {} : { id }), score: score ?? 0, cosine: cosine! };
  });
}
