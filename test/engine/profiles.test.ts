import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnBuckets, profilesOf } from '../../src/engine/tensorrt/profiles.ts';
import type { TowerContract } from '../../src/model/tower.ts';
import type { Profile } from '../../src/native/tensorrt.ts';

const COMMON = {
  path: '/m',
  output: { name: 'output', type: 'float32' },
  bytes: 1,
  externalData: false,
} as const;
const IMAGE: TowerContract = {
  ...COMMON,
  tower: 'image',
  input: { name: 'pixel_values', type: 'uint8' },
  layout: 'nhwc',
  resolution: 224,
};
const WHOLE: TowerContract = {
  ...COMMON,
  tower: 'text',
  input: { name: 'input_ids', type: 'int32' },
  contextLength: 77,
};
const TEXT: TowerContract = {
  ...WHOLE,
  end: { name: 'end', type: 'int32' },
  cut: { lengths: Array.from({ length: 77 }, (_, i) => i + 1), endToken: { rule: 'largest' } as never },
};

const rows = (profiles: readonly Profile[], input: string) =>
  profiles.map((profile) => (['min', 'opt', 'max'] as const).map((at) => profile[input]![at][0]).join('/'));

test('pictures: narrow ranges of rows, tuned at their ends', () => {
  const profiles = profilesOf(IMAGE, 256);
  assert.deepEqual(rows(profiles, 'pixel_values'), ['1/1/1', '2/8/8', '9/32/32', '33/256/256']);
  for (const { pixel_values } of profiles)
    for (const shape of Object.values(pixel_values!)) assert.deepEqual(shape.slice(1), [224, 224, 3]);
});

test('pictures as a model of its own takes them: channels first', () => {
  const [profile] = profilesOf({ ...IMAGE, layout: 'nchw' }, 1);
  assert.deepEqual(profile, {
    pixel_values: { min: [1, 3, 224, 224], opt: [1, 3, 224, 224], max: [1, 3, 224, 224] },
  });
});

test('texts: each number of columns has profiles of its own, and rows follow the end tokens', () => {
  const profiles = profilesOf(TEXT, 256);
  assert.equal(profiles.length, 8);
  assert.deepEqual(
    profiles.map(({ input_ids }) => input_ids!.max[1]),
    [16, 16, 32, 32, 48, 48, 77, 77],
  );
  assert.deepEqual(rows(profiles, 'input_ids').slice(0, 2), ['1/8/8', '9/64/256']);
  assert.deepEqual(rows(profiles, 'end'), rows(profiles, 'input_ids'));
  for (const { input_ids, end } of profiles) {
    assert.equal(
      new Set(Object.values(input_ids!).map((shape) => shape[1])).size,
      1,
      'columns vary in a profile',
    );
    assert.ok(
      Object.values(end!).every((shape) => shape.length === 1),
      'an end token is one number',
    );
  }
});

test('a text graph that cannot be cut has its whole context alone, and its mask too', () => {
  const profiles = profilesOf({ ...WHOLE, mask: { name: 'attention_mask', type: 'int64' } }, 8);
  const whole = { min: [1, 77], opt: [8, 77], max: [8, 77] };
  assert.deepEqual(profiles, [{ input_ids: whole, attention_mask: whole }]);
});

test('every number of rows and columns has exactly one profile, for any largest batch', () => {
  for (const maxBatch of [1, 2, 7, 8, 9, 32, 33, 100, 1024])
    for (const [contract, input] of [
      [IMAGE, 'pixel_values'],
      [TEXT, 'input_ids'],
    ] as const) {
      const profiles = profilesOf(contract, maxBatch);
      for (const bucket of contract.tower === 'text' ? columnBuckets(contract) : [224])
        for (let batch = 1; batch <= maxBatch; batch++) {
          const fit = profiles.filter((profile) => {
            const { min, opt, max } = profile[input]!;
            assert.ok(min[0]! <= opt[0]! && opt[0]! <= max[0]!, JSON.stringify(profile));
            return min[1] === bucket && min[0]! <= batch && batch <= max[0]!;
          });
          assert.equal(fit.length, 1, `${input} ${batch} × ${bucket} of at most ${maxBatch}`);
        }
      assert.equal(Math.max(...profiles.map((profile) => profile[input]!.max[0]!)), maxBatch);
    }
});

test('rows that the graph fixes: none where all is fixed, else one for each number of columns', () => {
  assert.deepEqual(profilesOf({ ...IMAGE, fixedBatch: 4 }, 256), []);
  assert.deepEqual(profilesOf({ ...WHOLE, fixedBatch: 4 }, 256), []);
  assert.deepEqual(rows(profilesOf({ ...TEXT, fixedBatch: 4 }, 256), 'input_ids'), [
    '4/4/4',
    '4/4/4',
    '4/4/4',
    '4/4/4',
  ]);
});

test('columns end at the context', () => {
  assert.deepEqual(columnBuckets(TEXT), [16, 32, 48, 77]);
  assert.deepEqual(columnBuckets({ ...TEXT, contextLength: 32 }), [16, 32]);
  assert.deepEqual(columnBuckets({ ...TEXT, contextLength: 9 }), [9]);
});
