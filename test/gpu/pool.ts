import { photo } from '../../bench/photo.ts';
import { captions } from '../../bench/sample-texts.ts';
import { askBuilder } from '../../src/engine/tensorrt/building/process.ts';
import { prepareModel } from '../../src/model/prepare.ts';
import type { Tower, TowerContract, TowerInput } from '../../src/model/tower.ts';
import { silentLog } from '../../src/observe/log.ts';
import { testMeans } from '../engine/tensorrt/means.ts';
import { type BuiltModel, type Run, THREADS } from './host.ts';

/** What a client sends, and ONNX Runtime's vector for it. */
export interface Sample {
  readonly tower: Tower;
  readonly document: { readonly text: string } | { readonly blob: string };
  readonly reference: Float32Array;
}

const TEXTS = 64;
const PICTURES = 32;
const REFERENCE_MS = 300_000;

/** Texts and photographs that the parity gate has not seen, with the original graph's vectors. */
export async function samplePool(
  { config }: Run,
  { preset, path }: BuiltModel,
  signal: AbortSignal,
): Promise<Sample[]> {
  const hooks = { progress: () => {}, log: silentLog, signal };
  const { contract } = await prepareModel({ name: preset, modelPath: path }, config.files, hooks);
  const means = await testMeans(contract.image.resolution!);
  const texts = captions().slice(0, TEXTS);
  const files = await Promise.all(Array.from({ length: PICTURES }, (_, seed) => photo(seed)));
  const reference = async (tower: TowerContract, inputs: readonly TowerInput[]) => {
    const options = { environment: process.env, label: preset, log: silentLog, onProgress: () => {} };
    const task = { do: 'reference', contract: tower, inputs, threads: THREADS } as const;
    const answer = await askBuilder(task, { ...options, signal, limitMs: REFERENCE_MS });
    if ('failure' in answer) throw new Error(`ONNX Runtime gives no vectors: ${answer.failure}`);
    return answer.reference;
  };
  const ofTexts = await reference(contract.text, texts.map(means.encode));
  const ofPictures = await reference(contract.image, await Promise.all(files.map(means.crop)));
  return [
    ...texts.map((text, i) => ({ tower: 'text' as const, document: { text }, reference: ofTexts[i]! })),
    ...files.map((file, i) => ({
      tower: 'image' as const,
      document: { blob: file.toString('base64') },
      reference: ofPictures[i]!,
    })),
  ];
}
