import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type PreparedModel, prepareModel } from '../../src/model/prepare.ts';
import { silentLog } from '../../src/observe/log.ts';
import { imageTower, textTower } from './onnx-writer.ts';

/** An empty folder that goes with the test. */
export async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-model-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

export async function folderWith(t: TestContext, files: Files): Promise<string> {
  const folder = await emptyFolder(t);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

export function prepareFolder(modelPath: string, name = 'my-model'): Promise<PreparedModel> {
  const hooks = { progress: () => {}, log: silentLog, signal: new AbortController().signal };
  return prepareModel({ name, modelPath }, { cache: '/nowhere', offline: true }, hooks);
}

/** Prepares a pair of the published shape, with the given files in place of or beside its own. */
export async function prepare(t: TestContext, files: Files, name?: string): Promise<PreparedModel> {
  return prepareFolder(
    await folderWith(t, { 'textual.onnx': textTower(), 'visual.onnx': imageTower(), ...files }),
    name,
  );
}
