import { readFileSync } from 'node:fs';
import { stems } from './baselines.ts';
import { readClasses } from './classes.ts';
import { renderPng } from './render.ts';
import { benchmarkClasses, drawingsOf } from './sets.ts';

/** Side of the pictures that are sent, px. */
const SIDE = 128;
/** So many questions, the first, have no word in common with label or tags of an answer. */
export const WITHOUT_SHARED_WORDS = 50;

/** A thing to find, and the classes any of which answers it. */
export interface Question {
  readonly text: string;
  /** Indices into the benchmark's classes. */
  readonly answers: readonly number[];
}

/** The classes of which every set of the benchmark has a picture, and what is asked of them. */
export interface Benchmark {
  readonly labels: readonly string[];
  /** Label and tags, for the baseline that compares words. */
  readonly words: readonly string[];
  /** The first {@link WITHOUT_SHARED_WORDS} share no word with label or tags of an answer. */
  readonly questions: readonly Question[];
  /** PNGs of a set on white, one per class. */
  pictures(set: string): Promise<Buffer[]>;
}

/** @throws Error where queries.txt does not keep its word: known answers, and no shared word in the first 50 */
export function openBenchmark(): Benchmark {
  const all = readClasses();
  const chosen = benchmarkClasses(all);
  const classes = chosen.map((index) => all[index]!);
  const labels = classes.map(({ label }) => label);
  const words = classes.map(({ label, tags }) => [label, ...tags].join(' '));
  return {
    labels,
    words,
    questions: readQuestions(labels, words),
    async pictures(set) {
      const byClass = new Map(drawingsOf(set, all).map((drawing) => [drawing.shows, drawing.svg]));
      const pictures: Buffer[] = [];
      for (const index of chosen) pictures.push(await renderPng(byClass.get(index)!, SIDE));
      return pictures;
    },
  };
}

function readQuestions(labels: readonly string[], words: readonly string[]): Question[] {
  const indexOf = new Map(labels.map((label, index) => [label.toLowerCase(), index]));
  const lines = readFileSync(new URL('queries.txt', import.meta.url), 'utf8').split('\n');
  const asked = lines.filter((line) => line && !line.startsWith('#'));
  return asked.map((line, at) => {
    const [text, list] = line.split(' | ') as [string, string];
    const found = list.split('; ').map((label) => indexOf.get(label.toLowerCase()));
    const answers = found.filter((index) => index !== undefined);
    if (answers.length === 0)
      throw new Error(`queries.txt: no answer of "${text}" is a class of the benchmark`);
    if (at < WITHOUT_SHARED_WORDS) refuseSharedWords(text, answers, words);
    return { text, answers };
  });
}

function refuseSharedWords(text: string, answers: readonly number[], words: readonly string[]): void {
  const asked = stems(text);
  for (const answer of answers)
    for (const word of stems(words[answer]!))
      if (asked.has(word))
        throw new Error(`queries.txt: "${text}" shares "${word}" with its answer, ${words[answer]}`);
}
