import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Graph } from './graph.ts';
import { writeOnnxFile } from './onnx-file.ts';
import type { ModelOptions } from './options.ts';
import { type Pair, PRESETS } from './presets.ts';

/** Writes `textual.onnx` and `visual.onnx` into `directory`; equal options give equal bytes. */
export async function makeModel(directory: string, options: ModelOptions): Promise<void> {
  const pair: Pair = PRESETS[options.preset];
  const { seed = 0, external = false } = options;
  await mkdir(directory, { recursive: true });
  for (const [file, build] of [
    ['textual', pair.text],
    ['visual', pair.image],
  ] as const) {
    const graph = new Graph(`clip_${file}`);
    build(graph, options);
    const metadata = { preset: options.preset, tower: file, seed: String(seed) };
    // The tower's name keeps equally named weights of the two towers apart.
    await writeOnnxFile(join(directory, `${file}.onnx`), graph, {
      seed: `${seed} ${file}`,
      external,
      metadata,
    });
  }
}
