import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';
import { emptyFolder } from '../folder.ts';
import { type GraphSpec, onnx } from '../onnx-writer.ts';

/** The constants of a graph whose file lies in a folder with `files`. */
export async function openConstants(
  t: TestContext,
  spec: GraphSpec,
  files: Record<string, Uint8Array> = {},
): Promise<Constants> {
  const folder = await emptyFolder(t);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'model.onnx'), onnx(spec));
  return Constants.of(new GraphLinks(await readOnnx(join(folder, 'model.onnx'))));
}

export async function readWeight(constants: Constants, name: string): Promise<number[]> {
  return Array.from(await constants.weight(name)!.read());
}

/** What lies at the weight's place. */
export async function atPlace(constants: Constants, name: string): Promise<Buffer> {
  const { path, offset, length } = constants.weight(name)!.place!;
  return (await readFile(path)).subarray(offset, offset + length);
}
