import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHalves, writeBfloats, writeHalves } from '../src/float16.ts';

function half(x: number): number {
  const to = new Uint16Array(1);
  writeHalves(Float32Array.of(x), to, 0);
  return to[0]!;
}

test('every half comes back as it was', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const floats = readHalves(halves);
  const back = new Uint16Array(65536);
  writeHalves(floats, back, 0);
  for (const [i, got] of back.entries())
    if (Number.isNaN(floats[i]!)) assert.ok((got & 0x7c00) === 0x7c00 && (got & 0x3ff) !== 0);
    else assert.equal(got, i);
});

test('values between two halves go to the nearer, and to the even one from the middle', () => {
  const floats = readHalves(Uint16Array.from({ length: 0x7c00 }, (_, i) => i));
  for (let i = 1; i < floats.length; i++) {
    const middle = (floats[i - 1]! + floats[i]!) / 2;
    const gap = floats[i]! - floats[i - 1]!;
    assert.equal(half(middle), i % 2 === 0 ? i : i - 1, `middle below half ${i}`);
    assert.equal(half(middle + gap / 8), i);
    assert.equal(half(middle - gap / 8), i - 1);
  }
});

test('what is too large becomes infinity, what is too small zero', () => {
  assert.deepEqual([65519.99, 65520, -1e30, Infinity].map(half), [0x7bff, 0x7c00, 0xfc00, 0x7c00]);
  assert.deepEqual([2 ** -25, 2 ** -25 * 1.01, -(2 ** -30), 1e-45].map(half), [0, 1, 0x8000, 0]);
});

test('halves are written from the offset on', () => {
  const to = new Uint16Array(4).fill(7);
  writeHalves(Float32Array.of(1, -2), to, 1);
  assert.deepEqual([...to], [7, 0x3c00, 0xc000, 7]);
});

function bfloat(x: number): number {
  const to = new Uint16Array(1);
  writeBfloats(Float32Array.of(x), to, 0);
  return to[0]!;
}

test('bfloat16 is the upper half of a float32, rounded to even', () => {
  assert.deepEqual([1, -2, 0, 3.140625].map(bfloat), [0x3f80, 0xc000, 0, 0x4049]);
  assert.deepEqual([1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 1.01 * 2 ** -8].map(bfloat), [0x3f80, 0x3f82, 0x3f81]);
  assert.deepEqual([3.4e38, -Infinity, 65520].map(bfloat), [0x7f80, 0xff80, 0x4780]);
  assert.ok((bfloat(Number.NaN) & 0x7f80) === 0x7f80 && (bfloat(Number.NaN) & 0x7f) !== 0);
});
