import type { EndToken } from '../../model/architecture/architecture.ts';
import type { TextInput, TowerContract, TowerInput } from '../../model/tower.ts';
import { testCard } from '../onnx-open.ts';

/** What a text may consist of, by the graph itself: its tokeniser may be any. */
export interface Vocabulary {
  /** Ids are below it. */
  readonly size: number;
  readonly endToken: EndToken;
}

/** Eight inputs, the same at each start; texts where there is a vocabulary, else pictures. */
export function proofInputs(contract: TowerContract, vocabulary?: Vocabulary): TowerInput[] {
  return vocabulary ? texts(contract.contextLength!, vocabulary) : pictures(contract.resolution!);
}

/**
 * Short ones and long ones, some that begin alike, one that was cut, one with end tokens inside, and paddings of every kind:
 * what stands behind the end token must not matter.
 */
function texts(context: number, { size, endToken }: Vocabulary): TextInput[] {
  const end = endToken.rule === 'first' ? endToken.id : size - 1;
  const start = end > 0 ? end - 1 : 1;
  const random = numbers(size);
  const word = (): number => {
    const id = random() % size;
    return id === end || id === start ? word() : id;
  };
  const words = (count: number) => Array.from({ length: count }, word);
  const common = words(context);
  const text = (tokens: readonly number[], padding: () => number = () => 0): TextInput => {
    const kept = [start, ...tokens].slice(0, context - 1);
    const ids = Int32Array.from(
      { length: context },
      (_, i) => kept[i] ?? (i === kept.length ? end : padding()),
    );
    return { ids, length: kept.length + 1 };
  };
  // Zero is a word to a graph that looks for the largest id, and the end itself where that is the id looked for.
  const zero = end === 0 ? word : undefined;
  return [
    text([], zero),
    text(common.slice(0, 1), zero),
    text(words(6), () => end),
    text(words(14), word),
    text([...common.slice(0, 4), end, ...words(9)], zero),
    text(words(Math.floor(context / 3)), word),
    text([...common.slice(0, 9), ...words(context - 12)], zero),
    text(words(2 * context), zero),
  ];
}

/** With edges and slopes, of one colour, and of none. */
function pictures(side: number): Uint8Array[] {
  const random = numbers(side);
  const picture = (value: (x: number, y: number, channel: number) => number) =>
    Uint8Array.from({ length: 3 * side * side }, (_, i) => {
      const at = Math.trunc(i / 3);
      return value(at % side, Math.trunc(at / side), i % 3);
    });
  return [
    testCard(side),
    picture(() => 0),
    picture(() => 255),
    picture(() => random() & 255),
    picture((x, _, channel) => (channel === 0 ? (x * 255) / side : 128)),
    picture((_, y, channel) => (channel === 2 ? (y * 255) / side : 64)),
    picture((x, y) => (((x >> 3) ^ (y >> 3)) & 1) * 255),
    picture((x, y, channel) => 127.5 + 127.5 * Math.sin((x * (channel + 1) + y * y) / side)),
  ];
}

/** Integers below 2³¹ that look random and are the same for each seed (a linear congruence, its low bits dropped). */
function numbers(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 33n);
  };
}
