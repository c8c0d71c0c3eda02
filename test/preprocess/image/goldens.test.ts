import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts';
import { loadAddon } from '../../../src/native/addon.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { ImagePreprocessor } from '../../../src/preprocess/image/preprocessor.ts';

interface Golden {
  readonly file: string;
  readonly resolution: number;
  readonly sha256: string;
}

const HERE = join(import.meta.dirname, 'goldens');
const goldens = JSON.parse(readFileSync(join(HERE, 'goldens.json'), 'utf8')) as Golden[];
const addon = loadAddon();

for (const { file, resolution, sha256 } of goldens)
  test(`${file} at ${resolution} gives Pillow's bytes`, async () => {
    const images = new ImagePreprocessor({
      resolution,
      workers: 1,
      limits: DEFAULT_LIMITS,
      addon,
      metrics: new Metrics(),
    });
    const crop = await images.fromBytes(
      readFileSync(join(HERE, 'files', file)),
      new AbortController().signal,
    );
    assert.equal(crop.length, resolution * resolution * 3);
    assert.equal(createHash('sha256').update(crop).digest('hex'), sha256);
  });
