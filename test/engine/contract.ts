import { join } from 'node:path';
import type { ModelContract } from '../../src/model/tower.ts';
import type { ModelOptions } from '../models/options.ts';
import { PRESETS, type Preset } from '../models/presets.ts';
import { testModel } from '../models/test-model.ts';

/** The contract of a pair of test towers, as detection would establish it. */
export async function testContract(
  preset: Preset,
  options: Omit<ModelOptions, 'preset'> = {},
): Promise<ModelContract> {
  const directory = await testModel(preset, options);
  const { resolution, width } = PRESETS[preset];
  const ids = options.ids ?? 'int32';
  const floats = options.io ?? 'float32';
  const raw = options.pixels === 'uint8';
  const common = {
    output: { name: options.names?.output ?? 'output', type: floats },
    fixedBatch: options.fixedBatch ? 1 : undefined,
    width,
    bytes: 0,
    externalData: options.external ?? false,
  };
  return {
    name: preset,
    text: {
      ...common,
      tower: 'text',
      path: join(directory, 'textual.onnx'),
      input: { name: options.names?.ids ?? 'input_ids', type: ids },
      mask: options.attentionMask ? { name: 'attention_mask', type: ids } : undefined,
      contextLength: 77,
      cut:
        options.columns === 'dynamic'
          ? { lengths: [8, 16, 32, 77], endToken: { rule: 'largest' } }
          : undefined,
    },
    image: {
      ...common,
      tower: 'image',
      path: join(directory, 'visual.onnx'),
      input: { name: options.names?.pixels ?? 'pixel_values', type: raw ? 'uint8' : floats },
      resolution,
      layout: raw ? 'nhwc' : 'nchw',
    },
  };
}
