import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseLayers } from '../../../src/engine/tensorrt/layers.ts';

test('layers are counted by kind and type, and fused attentions by their names or tactics', () => {
  const half = [{ Name: 'x', 'Format/Datatype': 'Half' }];
  const description = {
    Layers: [
      { Name: '__myl_Fc_myl0_1', LayerType: 'gemm', Outputs: half, TacticName: 'sm80_xmma_gemm' },
      { Name: '_gemm_mha_v2_myl0_2', LayerType: 'kgen', Outputs: half },
      { Name: '__myl_Mul', LayerType: 'kgen', Outputs: half, TacticName: 'fmha_v2_flash' },
      { Name: 'shape', LayerType: 'shape_call', Outputs: [] },
    ],
    Bindings: ['mha'],
  };
  assert.deepEqual(summariseLayers(JSON.stringify(description)), {
    layers: 4,
    fusedAttentions: 2,
    kinds: { gemm: 1, kgen: 2, shape_call: 1 },
    outputs: { Half: 3, unknown: 1 },
  });
});

test('names alone are counted, and what is no description gives no summary', () => {
  assert.deepEqual(summariseLayers('{"Layers": ["a", "fmha b"], "Bindings": []}'), {
    layers: 2,
    fusedAttentions: 1,
    kinds: { unknown: 2 },
    outputs: { unknown: 2 },
  });
  for (const text of ['', 'no JSON', '{}', '{"Layers": 3}', 'null'])
    assert.equal(summariseLayers(text), undefined, text);
});
