import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { countCudaDevices } from '../../src/config/devices.ts';
import { flow, read, type Setting } from './flow.ts';

const three = async () => 3;
const mapped = async (value: string, setting: Setting = {}) =>
  (
    await read(flow({ executor: { replicas: 5 } }), {
      countDevices: three,
      ...setting,
      env: { CUDA_VISIBLE_DEVICES: value },
    })
  ).executor.replicaDevices.join(' ');

/** The reference's table for three devices and five replicas. */
const TABLE: Record<string, string> = {
  RR: '0 1 2 0 1',
  'RR:': '0 1 2 0 1',
  'RR0:2': '0 1 0 1 0',
  'RR:2': '0 1 0 1 0',
  'RR[0:2]': '0 1 0 1 0',
  'RR1:': '1 2 1 2 1',
  'RR1:9': '1 2 1 2 1',
  'RR::2': '0 2 0 2 0',
  'RR::-1': '2 1 0 2 1',
  'RR-1:': '2 2 2 2 2',
  'RR-2:': '1 2 1 2 1',
  'RR:-1': '0 1 0 1 0',
  RR2: '2 2 2 2 2',
  'RR-2': '1 1 1 1 1',
  'RRGPU-a': 'GPU-a GPU-a GPU-a GPU-a GPU-a',
  'RRGPU-a,GPU-b': 'GPU-a GPU-b GPU-a GPU-b GPU-a',
  'RRMIG-a/1/0': 'MIG-a/1/0 MIG-a/1/0 MIG-a/1/0 MIG-a/1/0 MIG-a/1/0',
  'RR 1:': '1 2 1 2 1',
  'RR0,2': '0 2 0 2 0',
  'RR2,0,0': '2 0 0 2 0',
  'RR2:0:-1': '2 1 2 1 2',
  'RR-9:9:1': '0 1 2 0 1',
};

for (const [value, expected] of Object.entries(TABLE))
  test(`CUDA_VISIBLE_DEVICES=${value} maps ${expected}`, async () =>
    assert.equal(await mapped(value), expected));

/** Selections that leave a replica without a device: upstream fails late, or starts without a GPU. */
const REFUSED: Record<string, RegExp> = {
  'RR-1': /expected a selection of the 3 devices, got none of them/,
  RR5: /expected a selection of the 3 devices, got none/,
  'RR2:1': /expected a selection of the 3 devices, got none/,
  'RR0,2,3': /expected devices below 3, got 3/,
  'RR0,-1': /expected RR, RR and a Python slice/,
  'RR0:2,3': /expected RR, RR and a Python slice/,
  'RR[0,2]': /expected RR, RR and a Python slice/,
  'RR[0]': /expected RR, RR and a Python slice/,
  'RR0,': /expected RR, RR and a Python slice/,
  'RRGPU-a:1': /expected RR, RR and a Python slice/,
  'RRGPU-a,1': /expected RR, RR and a Python slice/,
  'RR1:2:3:4': /expected RR, RR and a Python slice/,
  'RR::0': /expected a step other than 0/,
  RRR: /expected RR, RR and a Python slice/,
};

for (const [value, message] of Object.entries(REFUSED))
  test(`CUDA_VISIBLE_DEVICES=${value} is a fault`, async () => {
    await assert.rejects(mapped(value), (error: Error) => {
      assert.equal(error.name, 'ConfigError');
      assert.match(error.message, /^environment: CUDA_VISIBLE_DEVICES: expected .*, got "RR/);
      assert.match(error.message, message);
      return true;
    });
  });

test('other values are no mapping, and nothing counts the devices for them', async () => {
  for (const value of ['2', '0,1', 'GPU-uuid', '', '-1']) {
    const config = await read(flow(), { env: { CUDA_VISIBLE_DEVICES: value } });
    assert.deepEqual(config.executor.replicaDevices, []);
    assert.deepEqual(config.environment, {});
    assert.deepEqual(config.warnings, []);
  }
  const { warnings, executor } = await read(flow(), { env: { CUDA_VISIBLE_DEVICES: 'rr0:2' } });
  assert.deepEqual(executor.replicaDevices, []);
  assert.match(warnings[0]!, /"rr0:2" is not read as a mapping; did you mean RR\?/);
});

test('the mapping may stand at the executor, in with.env and gateway.env, or in the shell, in this order', async () => {
  const env = { CUDA_VISIBLE_DEVICES: 'RR2' };
  const setting = { countDevices: three, env };
  const devices = async (executor: object, server: object) =>
    (await read(flow({ executor: { ...executor }, server: { ...server } }), setting)).executor.replicaDevices;
  assert.deepEqual(await devices({}, {}), ['2']);
  assert.deepEqual(await devices({}, { env: { CUDA_VISIBLE_DEVICES: 'RR1' } }), ['1']);
  assert.deepEqual(
    await devices({ env: { CUDA_VISIBLE_DEVICES: 'RR0' } }, { env: { CUDA_VISIBLE_DEVICES: 'RR1' } }),
    ['0'],
  );
  await assert.rejects(
    devices({ env: { CUDA_VISIBLE_DEVICES: 'RR9' } }, {}),
    /^ConfigError: stdin:1: executors\[0\]\.env\.CUDA_VISIBLE_DEVICES: /,
  );
});

test('the mask keeps each device at the position that its name stands for', async () => {
  const mask = async (value: string) =>
    (await read(flow(), { countDevices: three, env: { CUDA_VISIBLE_DEVICES: value } })).environment
      .CUDA_VISIBLE_DEVICES;
  assert.equal(await mask('RR1:'), '0,1,2');
  assert.equal(await mask('RRGPU-b,GPU-a,GPU-b'), 'GPU-b,GPU-a');
});

test('without a CUDA device RR hides what there is, with a warning', async () => {
  const config = await read(flow(), { countDevices: async () => 0, env: { CUDA_VISIBLE_DEVICES: 'RR' } });
  assert.deepEqual(config.executor.replicaDevices, []);
  assert.deepEqual(config.environment, { CUDA_VISIBLE_DEVICES: '-1' });
  assert.match(config.warnings[0]!, /no CUDA device was found, so "RR" maps none/);
});

test('with RR a device index is a fault, and on the CPU nothing is mapped', async () => {
  const env = { CUDA_VISIBLE_DEVICES: 'RR' };
  await assert.rejects(
    read(flow({ encoder: { device: 'cuda:1' } }), { env, countDevices: three }),
    /expected device cuda, of which each replica gets its own, got cuda:1/,
  );
  assert.deepEqual((await read(flow({ encoder: { device: 'cpu' } }), { env })).executor.replicaDevices, []);
});

test('device: what is written, what is explicit, what is refused', async () => {
  const device = async (written: unknown, module = 'clip_onnx') => {
    const { executor } = await read(
      flow({ encoder: { device: written }, executor: { uses_metas: { py_modules: module } } }),
    );
    return [executor.device.kind, executor.device.index, executor.deviceIsExplicit];
  };
  assert.deepEqual(await device(null), ['auto', 0, false]);
  assert.deepEqual(await device('cpu'), ['cpu', 0, true]);
  assert.deepEqual(await device('cuda'), ['cuda', 0, true]);
  assert.deepEqual(await device('cuda:3'), ['cuda', 3, true]);
  assert.deepEqual(await device(null, 'clip_tensorrt'), ['cuda', 0, false]);
  await assert.rejects(
    device('cpu', 'clip_tensorrt'),
    /executors\[0\]\.uses\.with\.device: expected cuda or cuda:N for clip_tensorrt, got cpu/,
  );
  for (const written of ['gpu', 'CUDA', 'cuda:-1', 'cuda:x', 'cpu:1', 0, true, ['cuda']])
    await assert.rejects(
      device(written),
      /executors\[0\]\.uses\.with\.device: expected cpu, cuda or cuda:N, got /,
    );
});

test('devices are counted by nvidia-smi, else by CUDA_TOTAL_DEVICES', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clip-config-'));
  const program = join(folder, 'nvidia-smi');
  writeFileSync(program, '#!/bin/sh\necho "GPU 0: A (UUID: GPU-a)"\necho "GPU 1: B (UUID: GPU-b)"\n');
  chmodSync(program, 0o755);
  assert.equal(await countCudaDevices({ PATH: `${folder}:${process.env.PATH}`, CUDA_TOTAL_DEVICES: '7' }), 2);
  assert.equal(await countCudaDevices({ PATH: join(folder, 'none'), CUDA_TOTAL_DEVICES: '7' }), 7);
  assert.equal(await countCudaDevices({ PATH: join(folder, 'none') }), 0);
});
