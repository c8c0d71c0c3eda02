import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Evidence,
  judgeParity,
  LEAST_COSINE,
  LEAST_MEAN,
  type ParityRun,
} from '../../../src/engine/tensorrt/parity.ts';

const INPUTS = 64;
const WIDTH = 128;

/** Vectors of length 1, each with an axis of its own; the second one is what `turned` turns towards. */
const REFERENCE = Array.from({ length: INPUTS }, (_, i) => {
  const vector = new Float32Array(WIDTH);
  vector[i] = 1;
  return vector;
});

/** The reference's vector at an angle of this cosine. */
function turned(input: number, cosine: number): Float32Array {
  const vector = new Float32Array(WIDTH);
  vector[input] = cosine;
  vector[INPUTS + input] = Math.sqrt(1 - cosine * cosine);
  return vector;
}

function runOf(rows: readonly number[], vectors: readonly Float32Array[] = rows.map((i) => REFERENCE[i]!)) {
  return { rows, vectors: Float32Array.from(vectors.flatMap((vector) => [...vector])) };
}

const ALL = REFERENCE.map((_, i) => i);
const ALONE = ALL.map((i) => runOf([i]));

function judge(runs: readonly ParityRun[], reference: Evidence['reference'] = REFERENCE) {
  return judgeParity({ names: ALL.map((i) => `"text ${i}"`), reference, runs });
}

function replaced(runs: readonly ParityRun[], at: number, vector: Float32Array): ParityRun[] {
  return runs.map((run, i) => (i === at ? runOf([at], [vector]) : run));
}

function assertRefused(verdict: ReturnType<typeof judge>, reason: RegExp): void {
  assert.ok(!verdict.passed, 'a plan with this fault must not pass');
  assert.match(verdict.reason, reason);
}

test('equal vectors pass, and the figures say so', () => {
  assert.deepEqual(judge([...ALONE, runOf(ALL)]), {
    passed: true,
    parity: { inputs: INPUTS, mean: 1, least: 1 },
  });
});

test('one vector just above the least cosine passes, just below it fails, with input and figure', () => {
  const passes = judge(replaced(ALONE, 5, turned(5, LEAST_COSINE + 2e-7)));
  assert.ok(passes.passed, 'above the least cosine');
  assert.ok(Math.abs(passes.parity.least - LEAST_COSINE) < 1e-6, `least ${passes.parity.least}`);
  assertRefused(
    judge(replaced(ALONE, 5, turned(5, LEAST_COSINE - 2e-7))),
    /^input 6 \("text 5"\), alone: cosine 0\.9989\d+ \(at least 0\.999\)$/,
  );
});

test('a mean just above its bound passes, just below it fails, though each vector alone would do', () => {
  const of = (cosine: number) => judge(ALL.map((i) => runOf([i], [turned(i, cosine)])));
  assert.ok(of(LEAST_MEAN + 2e-7).passed, 'above the mean');
  const fails = of(LEAST_MEAN - 2e-7);
  assertRefused(fails, /^cosine 0\.99989\d+ in the mean \(at least 0\.9999\), 0\.99989\d+ at input \d+$/);
  assert.equal(fails.passed || fails.parity?.inputs, INPUTS);
});

test('an input counts once in the mean, however many batches repeat it', () => {
  const poor = turned(0, 0.9991);
  const often = Array.from({ length: 500 }, () => runOf([0], [poor]));
  assert.ok(
    judge([runOf([0], [poor]), ...ALONE.slice(1), ...often]).passed,
    'one input in 64 lowers the mean by 1.4e-5',
  );
});

test('rows that changed places in a batch are caught, and so is a batch that is shifted by one', () => {
  const swapped = [...ALL];
  [swapped[3], swapped[9]] = [9, 3];
  assertRefused(
    judge([
      ...ALONE,
      runOf(
        ALL,
        swapped.map((i) => REFERENCE[i]!),
      ),
    ]),
    /^input 4 .*, row 4 of 64: cosine 0 /,
  );
  const shifted = ALL.map((i) => REFERENCE[(i + 1) % INPUTS]!);
  assertRefused(judge([...ALONE, runOf(ALL, shifted)]), /^input 1 .*, row 1 of 64: /);
});

test('rows that changed places are caught where all vectors point nearly the same way', () => {
  const near = ALL.map((i) => {
    const vector = new Float32Array(WIDTH).fill(1);
    vector[i] = 1.3;
    return vector;
  });
  const alone = ALL.map((i) => runOf([i], [near[i]!]));
  assert.ok(judge([...alone, runOf(ALL, near)], near).passed, 'in their own rows they pass');
  const swapped = [near[1]!, near[0]!, ...near.slice(2)];
  assertRefused(
    judge([...alone, runOf(ALL, swapped)], near),
    /^input 1 .* nearer to that of input 2 than to its own$/,
  );
});

test('a vector that depends on its batch is caught, though it is near enough to the reference in both', () => {
  const one = turned(7, 0.99905);
  const other = turned(7, 0.99905);
  other[INPUTS + 7]! *= -1;
  assertRefused(
    judge([...replaced(ALONE, 7, one), runOf([7], [other])]),
    /^input 8 .*: cosine 0\.9962\d+ to the vector of the same input alone/,
  );
});

test('a vector of the wrong length is caught', () => {
  const scaled = (factor: number) =>
    judge(
      replaced(
        ALONE,
        2,
        REFERENCE[2]!.map((x) => x * factor),
      ),
    );
  assert.ok(scaled(1.0099).passed, 'within 1 %');
  assert.ok(scaled(0.9901).passed, 'within 1 %');
  assertRefused(scaled(1.0101), /1\.01\d+ times as long as it should be/);
  assertRefused(scaled(0.98), /0\.98\d* times as long/);
});

test('what is not finite, zero, or of another count is no vector', () => {
  for (const [value, reason] of [
    [Number.NaN, /^input 1 .* the vector is not finite$/],
    [Number.POSITIVE_INFINITY, /the vector is not finite$/],
  ] as const) {
    const verdict = judge(replaced(ALONE, 0, new Float32Array(WIDTH).fill(value)));
    assertRefused(verdict, reason);
    assert.ok(!verdict.passed && !verdict.parity, 'there are no figures to be kept');
  }
  assertRefused(judge(replaced(ALONE, 0, new Float32Array(WIDTH))), /the vector is zero$/);
  const short = { rows: [0, 1], vectors: new Float32Array(WIDTH) };
  assertRefused(judge([...ALONE, short]), /^a run of 2 gave 128 numbers in place of 2 × 128$/);
});
