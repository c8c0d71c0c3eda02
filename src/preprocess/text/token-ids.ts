import { ClipError } from '../../errors.ts';
import type { TextInput } from '../../model/tower.ts';
import { END_TOKEN, START_TOKEN } from './vocabulary.ts';

/** What CLIP's tokenisers put behind the end token: OpenAI's zeros, Hugging Face's end tokens. */
const PADDING: readonly number[] = [0, END_TOKEN];

const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id <= END_TOKEN;

/**
 * Ids of OpenAI's CLIP vocabulary as `Tokenizer.take` has them.
 *
 * @param row int32 [contextLength] of zeros, which takes them
 * @throws ClipError invalid_request
 */
export function takeClipIds(ids: readonly number[], row: Int32Array): TextInput {
  const wrong = (expected: string, got: unknown) =>
    new ClipError('invalid_request', `token ids of CLIP: expected ${expected}, got ${got}`);
  if (ids[0] !== START_TOKEN) throw wrong(`${START_TOKEN} (start) first`, ids[0] ?? 'none');
  const end = ids.indexOf(END_TOKEN);
  if (end < 0) throw wrong(`${END_TOKEN} (end) behind the text`, 'none');
  const foreign = ids.findIndex((id, i) => !(i > end ? PADDING.includes(id) : isToken(id)));
  if (foreign > end) throw wrong(`padding, ${PADDING.join(' or ')}, behind the end token`, ids[foreign]);
  if (foreign >= 0) throw wrong(`ids from 0 to ${END_TOKEN}`, ids[foreign]);
  const length = end + 1;
  if (length > row.length) throw wrong(`at most ${row.length} ids up to the end token`, length);
  for (let i = 0; i < length; i++) row[i] = ids[i]!;
  return { ids: row, length };
}
