import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonVector } from '../../src/protocol/jina/write-vector.ts';

/** What the engine says; whole numbers as Python writes them. */
const said = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e21
    ? `${Object.is(value, -0) ? '-0' : value}.0`
    : String(value);

function check(values: Float32Array): void {
  const printed = jsonVector(values).slice(1, -1).split(',');
  assert.equal(printed.length, values.length);
  for (const [i, value] of values.entries())
    if (printed[i] !== said(value)) assert.equal(printed[i], said(value));
}

const floatOf = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;
const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;

test('every component has the characters of String, over all sizes and both signs', () => {
  // A prime stride meets every exponent and all kinds of fractions.
  const sample: number[] = [];
  for (let bits = 0; bits < 0x7f800000; bits += 10_007) sample.push(floatOf(bits), -floatOf(bits));
  check(Float32Array.from(sample));
});

test('every component between 0.0001 and 100 is right, whatever its last bits', () => {
  const sample: number[] = [];
  for (let bits = bitsOf(0.0001) - 5000; bits < bitsOf(100) + 5000; bits += 1009) sample.push(floatOf(bits));
  check(Float32Array.from(sample));
});

test('neighbours of powers of two and ten, of short decimals and of whole numbers are right', () => {
  const middles = [
    ...Array.from({ length: 24 }, (_, i) => 2 ** (i - 16)),
    ...Array.from({ length: 10 }, (_, i) => 10 ** (i - 6)),
    ...Array.from({ length: 1000 }, (_, i) => i / 8),
    ...Array.from({ length: 1000 }, (_, i) => i / 1000),
  ];
  const sample = middles.flatMap((middle) =>
    [-2, -1, 0, 1, 2].map((step) => floatOf(Math.max(0, bitsOf(middle) + step))),
  );
  check(Float32Array.from([...sample, ...sample.map((value) => -value)]));
});

test('a vector that is a part of a larger one is printed from its own place', () => {
  const whole = Float32Array.from({ length: 10 }, (_, i) => (i + 1) / 7);
  check(whole.subarray(3, 7));
  assert.equal(jsonVector(new Float32Array(0)), '[]');
  assert.equal(jsonVector(Float32Array.of(1, -0, 0.5, 3e38)), '[1.0,-0.0,0.5,3.0000000054977558e+38]');
});
