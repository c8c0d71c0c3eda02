import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/config/read.ts';
import { flow, read } from './flow.ts';

const runtimeOf = async (executor: Record<string, unknown>) =>
  (await read(flow({ executor }))).executor.runtime;

test('both spellings of py_modules decide the runtime, wherever they stand', async () => {
  const names = { clip_torch: 'torch', clip_hg: 'torch', clip_onnx: 'onnx', clip_tensorrt: 'tensorrt' };
  for (const [name, runtime] of Object.entries(names)) {
    for (const module of [
      `executors/${name}.py`,
      `clip_server.executors.${name}`,
      name,
      `./${name}.py`,
      `/a/b/${name}.py`,
    ]) {
      const uses = { jtype: 'CLIPEncoder' };
      for (const py_modules of [module, [module]]) {
        assert.equal(await runtimeOf({ uses: { ...uses, py_modules } }), runtime);
        assert.equal(await runtimeOf({ uses: { ...uses, metas: { py_modules } } }), runtime);
        assert.equal(await runtimeOf({ uses: 'CLIPEncoder', py_modules }), runtime);
        assert.equal(await runtimeOf({ uses, uses_metas: { py_modules } }), runtime);
      }
    }
  }
});

test('uses may be a tag, text, JSON or a class name', async () => {
  const executor = async (uses: string) =>
    (
      await read(
        `jtype: Flow\nwith: {port: 1}\nexecutors:\n  - name: clip_o\n    py_modules: clip_onnx\n    uses: ${uses}\n`,
      )
    ).executor;
  assert.equal((await executor('!CLIPEncoder')).runtime, 'onnx');
  assert.equal((await executor('!CLIPEncoder {}')).runtime, 'onnx');
  assert.equal((await executor('!CLIPEncoder\n      with: {name: RN50}')).model, 'RN50');
  assert.equal((await executor('CLIPEncoder')).runtime, 'onnx');
  assert.equal((await executor('\'{"jtype": "CLIPEncoder", "with": {"name": "RN50"}}\'')).model, 'RN50');
  assert.equal(
    (await executor('|\n      jtype: CLIPEncoder\n      with:\n        name: RN50\n')).model,
    'RN50',
  );
  await assert.rejects(
    executor('|\n      jtype: CLIPEncoder\n      with:\n        minibatch_size: x\n'),
    /uses\.with\.minibatch_size: expected an integer/,
  );
});

test('uses may be a YAML file beside the flow, with variables of its own', async () => {
  const home = mkdtempSync(join(tmpdir(), 'clip-config-'));
  mkdirSync(join(home, 'sub'));
  writeFileSync(
    join(home, 'sub/flow.yml'),
    'jtype: Flow\nwith: {port: 1}\nexecutors: [{uses: my executor.yml, uses_with: {minibatch_size: 6}}]\n',
  );
  const executor = join(home, 'sub/my executor.yml');
  writeFileSync(
    executor,
    '!CLIPEncoder\nwith:\n  name: $MODEL\n  minibatch_size: 5\nmetas: {py_modules: [clip_onnx.py]}\n',
  );
  const config = await readConfig({ argument: 'sub/flow.yml' }, { MODEL: 'RN50' }, { cwd: home });
  const { runtime, model, minibatchSize } = config.executor;
  assert.deepEqual({ runtime, model, minibatchSize }, { runtime: 'onnx', model: 'RN50', minibatchSize: 6 });
  writeFileSync(executor, 'jtype: CLIPEncoder\nwith:\n  minibatch_size: many\n');
  await assert.rejects(readConfig({ argument: 'sub/flow.yml' }, {}, { cwd: home }), (error: Error) =>
    error.message.startsWith(`${executor}:3: executors[0].uses.with.minibatch_size: expected an integer`),
  );
  writeFileSync(executor, '- a\n');
  await assert.rejects(
    readConfig({ argument: 'sub/flow.yml' }, {}, { cwd: home }),
    /flow\.yml:3: executors\[0\]\.uses: expected a map in .*my executor\.yml, got a list/,
  );
  writeFileSync(executor, 'a: [');
  await assert.rejects(
    readConfig({ argument: 'sub/flow.yml' }, {}, { cwd: home }),
    /^ConfigError: sub\/flow\.yml:3: executors\[0\]\.uses: .*my executor\.yml:1:5: /,
  );
  await assert.rejects(
    read(flow({ executor: { uses: '.' } }), { cwd: home }),
    /^ConfigError: stdin:1: executors\[0\]\.uses: "\.": expected a flow file, got a directory/,
  );
  await assert.rejects(
    runtimeOf({ uses: 'none.yml' }),
    /executors\[0\]\.uses: expected CLIPEncoder or a YAML file, got "none\.yml"; no such file in \/srv, /,
  );
});

test('Hub names and images tell the runtime, with a warning', async () => {
  const forms = {
    'jinahub://CLIPTorchEncoder': 'torch',
    'jinahub+docker://CLIPOnnxEncoder/latest-gpu': 'onnx',
    'jinaai://jina-ai/CLIPOnnxEncoder:latest': 'onnx',
    'jinaai+docker://jina-ai/CLIPTorchEncoder': 'torch',
    'docker://jinaai/clip_executor:0.8.3-onnx-cuda': 'onnx',
    'docker://jinaai/clip_executor:0.8.3-tensorrt-cuda': 'tensorrt',
    'docker://jinaai/clip_executor': 'torch',
    'docker://jinaai/clip-server:master-onnx': 'onnx',
  };
  for (const [uses, runtime] of Object.entries(forms)) {
    const { executor, warnings } = await read(flow({ executor: { uses } }));
    assert.equal(executor.runtime, runtime, uses);
    assert.match(warnings[0]!, /is not loaded; its encoder runs here, as clip_/);
  }
  for (const uses of ['jinahub://SimpleIndexer', 'docker://jinaai/other:1', 's3://a'])
    await assert.rejects(
      runtimeOf({ uses }),
      /executors\[0\]\.uses: expected CLIPEncoder, got ".*" for the executor "clip_o"/,
    );
});

test('without py_modules the runtime is torch’s, with a warning', async () => {
  const { executor, warnings } = await read(flow({ executor: { uses: 'CLIPEncoder' } }));
  assert.equal(executor.runtime, 'torch');
  assert.deepEqual(warnings, [
    'stdin:1: executors[0].uses: no py_modules, so the runtime is that of clip_torch',
  ]);
});

test('an item without uses is refused: it would encode nothing upstream', async () => {
  await assert.rejects(
    read('jtype: Flow\nexecutors:\n- name: clip_t\n  use: CLIPEncoder\n'),
    (error: Error) => {
      assert.match(error.message, /^stdin:3: executors\[0\]\.uses: expected CLIPEncoder, got nothing$/m);
      assert.match(
        error.message,
        /^warning: stdin:4: executors\[0\]\.use: unknown key, ignored; did you mean uses\?$/m,
      );
      return true;
    },
  );
});

test('other executors are refused by name, and a second encoder too', async () => {
  const indexer = {
    name: 'my_index',
    uses: { jtype: 'AnnLiteIndexer', with: { n_dim: 512 }, metas: { py_modules: ['annlite.executor'] } },
  };
  const encoder = (flow().executors as unknown[])[0];
  await assert.rejects(
    read({ ...flow(), executors: [encoder, indexer] }),
    /executors\[1\]\.uses: expected CLIPEncoder, got "AnnLiteIndexer" for the executor "my_index": this server runs no other executor/,
  );
  await assert.rejects(
    read({ ...flow(), executors: [encoder, encoder] }),
    /executors\[1\]: expected one CLIP executor, got another; use replicas/,
  );
  await assert.rejects(
    read({ ...flow(), executors: [encoder, null, 'x'] }),
    /executors\[1\]: expected a map, got nothing\nstdin:1: executors\[2\]: expected a map, got "x"/,
  );
  await assert.rejects(
    read({ ...flow(), executors: { a: 1 } }),
    /executors: expected a list of executors, got a map/,
  );
});

test('two runtimes, and modules that are none, are refused', async () => {
  await assert.rejects(
    runtimeOf({ uses: { jtype: 'CLIPEncoder', py_modules: ['clip_torch', 'clip_onnx'] } }),
    /expected one runtime, got clip_torch and clip_onnx/,
  );
  await assert.rejects(
    runtimeOf({ uses: 'CLIPEncoder', py_modules: 'my.py' }),
    /executors\[0\]\.py_modules: expected a module named clip_torch/,
  );
});

test('uses_with comes before with on the item, and that before uses.with', async () => {
  const { executor, warnings } = await read(
    flow({
      encoder: { name: 'a', minibatch_size: 1, num_worker_preprocess: 1 },
      executor: { with: { name: 'b', minibatch_size: 2 }, uses_with: { name: 'c' } },
    }),
  );
  assert.deepEqual([executor.model, executor.minibatchSize, executor.preprocessWorkers], ['c', 2, 1]);
  assert.deepEqual(warnings, [
    'stdin:1: executors[0].with: taken as executors[0].uses.with, where upstream ignores it',
  ]);
});

test('uses_requests moves a method from the endpoint that it had', async () => {
  const endpoints = async (uses_requests: unknown) =>
    Object.fromEntries((await read(flow({ executor: { uses_requests } }))).executor.endpoints);
  assert.deepEqual(await endpoints(null), { '/default': 'encode', '/rank': 'rank' });
  assert.deepEqual(await endpoints({ '/a': 'encode', '/b': 'encode' }), {
    '/rank': 'rank',
    '/a': 'encode',
    '/b': 'encode',
  });
  assert.deepEqual(await endpoints({ '/default': 'encode', '/r': 'rank' }), {
    '/default': 'encode',
    '/r': 'rank',
  });
  await assert.rejects(
    endpoints({ '/a': 'search' }),
    /executors\[0\]\.uses_requests\.\/a: expected one of encode, rank, got "search"/,
  );
  await assert.rejects(
    endpoints({ a: 'rank' }),
    /executors\[0\]\.uses_requests\.a: expected an endpoint that starts with \//,
  );
});
