import { columnBuckets } from '../../src/engine/tensorrt/profiles.ts';
import type { ImageInput, TextInput, TowerContract, TowerInput } from '../../src/model/tower.ts';

/** CLIP's start and end of a text. */
const [START, END] = [49_406, 49_407];
/** Ids below are pieces of words. */
const WORDS = 49_000;

/** Lengths of texts that runs differ in; a picture has none. */
export function lengthsOf(contract: TowerContract): readonly number[] {
  return contract.tower === 'text' ? columnBuckets(contract) : [0];
}

/** `count` inputs that differ from one another and from those of other seeds; texts of exactly `columns` tokens. */
export function randomInputs(
  { tower, resolution, contextLength }: TowerContract,
  count: number,
  columns: number,
  seed: number,
): TowerInput[] {
  const random = numbers(seed);
  const text = (): TextInput => {
    const ids = new Int32Array(contextLength!);
    for (let at = 1; at < columns - 1; at++) ids[at] = 1 + (random() % WORDS);
    ids[0] = START;
    ids[columns - 1] = END;
    return { ids, length: columns };
  };
  const picture = (): ImageInput => new Uint8Array(3 * resolution! ** 2).map(() => random());
  return Array.from({ length: count }, (): TowerInput => (tower === 'text' ? text() : picture()));
}

/** Of 32 bits, never zero; the same for the same seed (xorshift). */
function numbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e37_79b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
