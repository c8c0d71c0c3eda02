import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ClipError } from '../../src/errors.ts';
import type { RankedMatch } from '../../src/service/item.ts';
import { rankGroup } from '../../src/service/rank.ts';

interface Golden {
  readonly name: string;
  readonly query: readonly number[];
  readonly matches: readonly (readonly number[])[];
  /** Default: CLIP's. */
  readonly scale?: number;
  readonly ranked: readonly RankedMatch[];
}

const file = new URL('./goldens/rank.json', import.meta.url);
const goldens = JSON.parse(readFileSync(file, 'utf8')) as Golden[];

/** One step of a float32 cosine near 1; the softmax multiplies it by the scale. */
const STEP = 2 ** -23;

for (const { name, query, matches, scale, ranked } of goldens)
  test(`${name}: order and scores are NumPy's`, () => {
    const got = rankGroup(
      Float32Array.from(query),
      matches.map((match) => Float32Array.from(match)),
      scale,
    );
    assert.deepEqual(
      got.map(({ index }) => index),
      ranked.map(({ index }) => index),
    );
    for (const [i, { score, cosine }] of ranked.entries()) {
      assert.ok(Math.abs(got[i]!.cosine - cosine) <= STEP, `cosine ${got[i]!.cosine} for ${cosine}`);
      assert.ok(
        Math.abs(got[i]!.score - score) <= 2 * Math.max(scale ?? 100, 100) * STEP * score + 1e-30,
        `score ${got[i]!.score} for ${score}`,
      );
      assert.equal(Math.fround(got[i]!.score), got[i]!.score);
    }
  });

test('scores of a group sum to 1', () => {
  const vectors = Array.from({ length: 50 }, (_, i) => Float32Array.of(1, i / 50, (i % 7) / 7));
  const sum = rankGroup(vectors[3]!, vectors).reduce((total, { score }) => total + score, 0);
  assert.ok(Math.abs(sum - 1) < 1e-5);
});

const rankFailed = (pattern: RegExp) => (error: unknown) =>
  error instanceof ClipError && error.code === 'rank_failed' && pattern.test(error.message);

test('a group without matches, or with what is no number, cannot be ranked', () => {
  assert.throws(() => rankGroup(Float32Array.of(1), []), rankFailed(/at least one match/));
  const nan = Float32Array.of(Number.NaN);
  assert.throws(() => rankGroup(Float32Array.of(1), [Float32Array.of(1), nan]), rankFailed(/NaN/));
});
