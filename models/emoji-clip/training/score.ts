/** Share of the questions whose answer is among the first 1 and the first 10 found. */
export interface Recall {
  readonly at1: number;
  readonly at10: number;
}

/** How alike a question and a thing are: the greater, the more. */
export type Likeness = (question: number, thing: number) => number;

/** `answers[q]` lists the things that answer question q. Equal likeness counts against the answer. */
export function recall(answers: readonly (readonly number[])[], things: number, likeness: Likeness): Recall {
  let at1 = 0;
  let at10 = 0;
  for (const [question, right] of answers.entries()) {
    const best = Math.max(...right.map((thing) => likeness(question, thing)));
    let before = 0;
    for (let thing = 0; thing < things; thing++)
      if (!right.includes(thing) && likeness(question, thing) >= best) before++;
    if (before < 1) at1++;
    if (before < 10) at10++;
  }
  return { at1: at1 / answers.length, at10: at10 / answers.length };
}

/** What guessing gives: the first one and the first ten of so many things at random. */
export function chance(answers: readonly (readonly number[])[], things: number): Recall {
  const misses = (draws: number, right: number) => {
    let missed = 1;
    for (let i = 0; i < draws; i++) missed *= (things - right - i) / (things - i);
    return missed;
  };
  const mean = (draws: number) =>
    answers.reduce((sum, right) => sum + 1 - misses(draws, right.length), 0) / answers.length;
  return { at1: mean(1), at10: mean(10) };
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Vectors of length 1. */
export function normalised(vectors: readonly Float32Array[]): Float32Array[] {
  return vectors.map((vector) => {
    const length = Math.sqrt(dot(vector, vector));
    return vector.map((component) => component / length);
  });
}
