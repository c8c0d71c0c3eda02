import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { DEFAULT_LIMITS } from '../src/config/limits.ts';
import type { ModelContract, TowerContract } from '../src/model/tower.ts';
import { createTokenizer } from '../src/preprocess/text/tokenizer.ts';
import { VOCABULARY_FILE } from '../src/preprocess/text/vocabulary.ts';

const TEXTS = 4000;
const ROUNDS = 3;
/** Ours takes milliseconds for what Python takes a second for. */
const WARM_PASSES = 10;

interface Timing {
  /** CPU seconds for all texts, each word met for the first time. */
  readonly cold: number;
  /** CPU seconds for all texts, each word known. */
  readonly warm: number;
  readonly tokens: number;
}

type Sets = Record<string, string[]>;

const SUBJECTS =
  'a small brown dog|two children|an old man’s bicycle|the street café|a woman in a red dress'.split('|');
const VERBS = 'running through|standing next to|sitting on top of|looking at|waiting for'.split('|');
const PLACES =
  'green grass near a lake|a busy city street at night|the “old town” market|rows of parked cars'.split('|');
const ENDS = '.|, 2023|!| – photo by J. Smith|, it’s sunny|…||'.split('|');
const SYLLABLES =
  'ba con der fil gra hou ing jo ket lan mor ni out per qui ra ster tion un ver wa yel zo'.split(' ');

/**
 * Texts per second of CPU time (which other load on the machine does not change), ours against a Python that has ftfy and regex (its path in BENCH_PYTHON), in one run, rounds
 * taken in turn, medians.
 */
export async function tokenizerBench(): Promise<Record<string, number | string>> {
  const sets = makeSets();
  const python = process.env.BENCH_PYTHON;
  const ours: Record<string, Timing>[] = [];
  const theirs: Record<string, Timing>[] = [];
  await timeOurs(sets);
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await timeOurs(sets));
    if (python) theirs.push(await timePython(python, sets));
  }
  const result: Record<string, number | string> = {};
  for (const name of Object.keys(sets)) {
    for (const state of ['cold', 'warm'] as const) {
      const perSecond = (rounds: Record<string, Timing>[]) =>
        TEXTS / median(rounds.map((r) => r[name]![state]));
      result[`${name}, ${state} words: texts/s`] = Math.round(perSecond(ours));
      if (!python) continue;
      result[`${name}, ${state} words: Python texts/s`] = Math.round(perSecond(theirs));
      result[`${name}, ${state} words: ours ÷ Python`] = Number(
        (perSecond(ours) / perSecond(theirs)).toFixed(1),
      );
    }
    if (python && ours[0]![name]!.tokens !== theirs[0]![name]!.tokens) {
      throw new Error(`${name}: expected ${theirs[0]![name]!.tokens} tokens, got ${ours[0]![name]!.tokens}`);
    }
  }
  if (!python) result.python = 'not measured: BENCH_PYTHON names no Python with ftfy and regex';
  return result;
}

async function timeOurs(sets: Sets): Promise<Record<string, Timing>> {
  const text: TowerContract = {
    tower: 'text',
    path: '',
    input: { name: 'ids', type: 'int32' },
    output: { name: 'vectors', type: 'float32' },
    contextLength: 77,
    bytes: 0,
    externalData: false,
  };
  const contract: ModelContract = { name: 'bench', text, image: { ...text, tower: 'image' } };
  const timings: Record<string, Timing> = {};
  for (const [name, texts] of Object.entries(sets)) {
    const tokenizer = await createTokenizer(contract, DEFAULT_LIMITS);
    let tokens = 0;
    const pass = () => {
      const start = process.cpuUsage();
      tokens = 0;
      for (const line of texts) tokens += tokenizer.encode(line).length - 2;
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    };
    const cold = pass();
    const warm = median(Array.from({ length: WARM_PASSES }, pass));
    timings[name] = { cold, warm, tokens };
  }
  return timings;
}

async function timePython(python: string, sets: Sets): Promise<Record<string, Timing>> {
  const script = fileURLToPath(new URL('reference_tokenizer.py', import.meta.url));
  const child = spawn(python, [script, fileURLToPath(VOCABULARY_FILE)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(sets));
  const [timings, [code]] = await Promise.all([json(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${script}: expected exit code 0, got ${code}`);
  return timings as Record<string, Timing>;
}

function makeSets(): Sets {
  const pick = picker(1);
  const caption = () => `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(PLACES)}${pick(ENDS)}`;
  const known = [...SUBJECTS, ...VERBS, ...PLACES]
    .join(' ')
    .replace(/[^a-z ]/g, '')
    .split(' ');
  const word = () => pick(SYLLABLES) + pick(SYLLABLES) + pick(SYLLABLES);
  const twelve = (make: () => string) => Array.from({ length: 12 }, make).join(' ');
  const texts = (make: () => string) => Array.from({ length: TEXTS }, make);
  return {
    '12 common words': texts(() => twelve(() => pick(known))),
    '12 rare words': texts(() => twelve(word)),
    captions: texts(caption),
  };
}

/** Picks the same in every run. */
function picker(seed: number): <T>(from: readonly T[]) => T {
  let state = seed;
  return (from) => {
    state = (Math.imul(1_103_515_245, state) + 12_345) & 0x7fffffff;
    return from[(state >> 8) % from.length]!;
  };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
