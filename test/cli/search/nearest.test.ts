import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { unit } from '../../../src/cli/embed/unit.ts';
import { NearestRows } from '../../../src/cli/search/nearest.ts';
import { writeHalves } from '../../../src/float16.ts';

interface Golden {
  readonly width: number;
  readonly vectors: string;
  readonly halves: string;
  readonly queries: string;
  readonly order: readonly (readonly number[])[];
  readonly scores: string;
}

const goldens: Golden[] = JSON.parse(
  readFileSync(new URL('./goldens/nearest.json', import.meta.url), 'utf8'),
);
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64')).buffer;
const everyRow = (count: number) => new Uint8Array(count).fill(1);

for (const golden of goldens) {
  const { width, order } = golden;
  const vectors = new Float32Array(bytes(golden.vectors));
  const halves = new Uint16Array(bytes(golden.halves));
  const queries = new Float32Array(bytes(golden.queries));
  const scores = new Float64Array(bytes(golden.scores));
  const rows = halves.length / width;

  test(`rows of ${width} components are stored as NumPy rounds them`, () => {
    const stored = new Uint16Array(halves.length);
    for (let row = 0; row < rows; row += 1)
      writeHalves(unit(vectors.subarray(row * width, (row + 1) * width)), stored, row * width);
    assert.deepEqual(stored, halves);
  });

  for (const top of [1, 7, rows, rows + 5])
    test(`the nearest ${top} of ${rows} rows of ${width} are NumPy's`, () => {
      for (const [i, expected] of order.entries()) {
        const nearest = new NearestRows(queries.subarray(i * width, (i + 1) * width), top);
        // In pieces, as blocks of a file come.
        for (let first = 0; first < rows; first += 30) {
          const piece = halves.subarray(first * width, Math.min(rows, first + 30) * width);
          nearest.look(piece, first, everyRow(rows));
        }
        const best = nearest.best();
        assert.equal(best.length, Math.min(top, rows));
        for (const [rank, { row, score }] of best.entries()) {
          const scoreAt = (other: number) => scores[i * rows + other]!;
          assert.ok(Math.abs(score - scoreAt(row)) < 1e-6, `row ${row}: ${score}, NumPy ${scoreAt(row)}`);
          // Rows whose scores differ by less than what rounding leaves may change places.
          const wanted = scoreAt(expected[rank]!);
          assert.ok(
            Math.abs(scoreAt(row) - wanted) < 1e-6,
            `rank ${rank}: row ${row}, NumPy ${expected[rank]}`,
          );
        }
        const twins = best.filter(({ row }) => row === 0 || row === Math.floor(rows / 2));
        assert.deepEqual(
          twins.map(({ row }) => row),
          [0, Math.floor(rows / 2)].slice(0, twins.length),
          'of equal rows the earlier comes first',
        );
      }
    });
}

test('rows that do not count are passed over', () => {
  const { width, ...golden } = goldens[1]!;
  const halves = new Uint16Array(bytes(golden.halves));
  const query = new Float32Array(bytes(golden.queries)).subarray(0, width);
  const [first, second] = golden.order[0]!;
  const counts = everyRow(halves.length / width);
  counts[first!] = 0;
  const nearest = new NearestRows(query, 1);
  nearest.look(halves, 0, counts);
  assert.deepEqual(
    nearest.best().map(({ row }) => row),
    [second],
  );
});
