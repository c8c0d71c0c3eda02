/** `node --import tsx test/models/make.ts PRESET DIR [options]` writes one pair of towers. */
import { parseArgs } from 'node:util';
import { makeModel } from './make-model.ts';
import type { ModelOptions } from './options.ts';
import { PRESETS, type Preset } from './presets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '0' },
    ids: { type: 'string', default: 'int32' },
    io: { type: 'string', default: 'float32' },
    pixels: { type: 'string', default: 'float' },
    activation: { type: 'string', default: 'quick_gelu' },
    'attention-mask': { type: 'boolean', default: false },
    normalised: { type: 'boolean', default: false },
    external: { type: 'boolean', default: false },
    'fixed-batch': { type: 'boolean', default: false },
  },
});

function oneOf<const C extends readonly string[]>(
  name: string,
  value: string | undefined,
  choices: C,
): C[number] {
  const found = choices.find((choice) => choice === value);
  if (found) return found;
  console.error(`${name}: expected ${choices.join(', ')}; got ${value ?? 'nothing'}`);
  process.exit(2);
}

const [preset, directory] = positionals;
const options: ModelOptions = {
  preset: oneOf('PRESET', preset, Object.keys(PRESETS) as Preset[]),
  seed: Number(values.seed),
  ids: oneOf('--ids', values.ids, ['int32', 'int64']),
  io: oneOf('--io', values.io, ['float32', 'float16']),
  pixels: oneOf('--pixels', values.pixels, ['float', 'uint8']),
  activation: oneOf('--activation', values.activation, ['quick_gelu', 'gelu']),
  attentionMask: values['attention-mask'],
  normalised: values.normalised,
  external: values.external,
  fixedBatch: values['fixed-batch'],
};
if (!directory || !Number.isSafeInteger(options.seed)) {
  console.error('usage: make.ts PRESET DIR [--seed INTEGER] [options]');
  process.exit(2);
}
await makeModel(directory, options);
