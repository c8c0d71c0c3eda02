import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { replicaEngines } from '../../src/engine/replicas.ts';
import type { ModelContract, TowerContract } from '../../src/model/tower.ts';

/** Members and parts of each team. */
function teams(threads: number, replicas: number, imageBytes: number): [members: number, parts: number][][] {
  const device = { kind: 'auto', index: 0 };
  const executor = { threads, replicas, device, deviceIsExplicit: false, replicaDevices: [] };
  const config = { executor, environment: {} } as unknown as Config;
  const image = { tower: 'image', resolution: 8, bytes: imageBytes } as TowerContract;
  const text = { tower: 'text', contextLength: 77, bytes: 1 } as TowerContract;
  const contract: ModelContract = { name: 'any', text, image };
  const probe = { ids: new Int32Array(77), length: 3 };
  const engines = replicaEngines(config, contract, probe, () => {});
  return [engines.text, engines.image].map((tower) =>
    tower.map(({ members, parts = [] }) => [members.length, parts.length]),
  );
}

test('an image tower with two threads or more has two parts beside the whole', () => {
  assert.deepEqual(teams(2, 1, 1000), [[[1, 0]], [[1, 2]]]);
  const whole: [number, number][] = [
    [1, 0],
    [1, 0],
  ];
  assert.deepEqual(teams(3, 2, 1000), [
    whole,
    [
      [1, 2],
      [1, 0],
    ],
  ]);
  assert.deepEqual(teams(2, 2, 1000), [whole, whole]);
});

test('parts whose weights would take more than an eighth of the memory are left out', () => {
  const memory = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  const most = Math.floor(memory / 16);
  assert.deepEqual(teams(2, 1, most)[1], [[1, 2]]);
  assert.deepEqual(teams(2, 1, most + 1)[1], [[1, 0]]);
  assert.deepEqual(teams(4, 2, most)[1], [
    [1, 0],
    [1, 0],
  ]);
});
