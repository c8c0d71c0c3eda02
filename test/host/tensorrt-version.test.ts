import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServed, versionText } from '../../src/host/tensorrt-version.ts';

for (const [number, text, served] of [
  [8601, '8.6.1', false],
  [100_001, '10.0.1', false],
  [100_299, '10.2.99', false],
  [100_300, '10.3.0', true],
  [100_799, '10.7.99', true],
  [100_800, '10.8.0', false],
  [100_803, '10.8.3', false],
  [100_900, '10.9.0', true],
  [101_601, '10.16.1', true],
  [110_000, '11.0.0', true],
  [110_400, '11.4.0', true],
  [120_000, '12.0.0', false],
] as const)
  test(`TensorRT ${text} is ${served ? '' : 'not '}served`, () => {
    assert.equal(versionText(number), text);
    assert.equal(isServed(number), served);
  });
