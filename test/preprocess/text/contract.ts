import type { ModelContract, TowerContract } from '../../../src/model/tower.ts';

/** A model of which only what the tokeniser reads matters. */
export function contractWith(text: { contextLength?: number; tokenizerFile?: string }): ModelContract {
  const tower: TowerContract = {
    tower: 'text',
    path: '/models/textual.onnx',
    input: { name: 'input_ids', type: 'int32' },
    output: { name: 'text_embeds', type: 'float32' },
    contextLength: text.contextLength,
    bytes: 0,
    externalData: false,
  };
  const image: TowerContract = { ...tower, tower: 'image', path: '/models/visual.onnx' };
  return { name: 'test', text: tower, image, tokenizerFile: text.tokenizerFile };
}
