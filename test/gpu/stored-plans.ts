import { copyFile, mkdir, mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlanFolder } from '../../src/engine/tensorrt/plan-folder.ts';
import { planName } from '../../src/engine/tensorrt/plan-key.ts';
import { PlanStore } from '../../src/engine/tensorrt/plan-store.ts';
import { silentLog } from '../../src/observe/log.ts';
import type { BuiltModel, Run } from './host.ts';
import type { Find } from './phase.ts';

const HARM: Readonly<Record<string, (file: string) => Promise<void>>> = {
  'a plan that is cut off': async (file) => truncate(file, Math.trunc((await stat(file)).size / 2)),
  'a plan with one wrong bit': flipBit,
};

/** Whether the cache gives out a plan of this run's once its file is damaged; on a copy. */
export async function checkStoredPlans(
  { config }: Run,
  { plans }: BuiltModel,
  find: Find,
  signal: AbortSignal,
): Promise<void> {
  const { key } = plans.text;
  const [name, whole] = [planName(key), new PlanFolder(config.engines.folder)];
  for (const [harmed, harm] of Object.entries(HARM)) {
    const root = await mkdtemp(join(tmpdir(), 'clip-gpu-'));
    const copy = new PlanFolder(join(root, 'engines'));
    await mkdir(copy.path, { mode: 0o700 });
    const store = await PlanStore.open({ ...config.engines, folder: copy.path }, { log: silentLog });
    try {
      await copyFile(whole.plan(name), copy.plan(name));
      await copyFile(whole.record(name), copy.record(name));
      await harm(copy.plan(name));
      const found = await store.find(key, signal);
      const outcome = 'plan' in found ? 'failed' : 'passed';
      find({
        name: `${harmed} is not given out`,
        outcome,
        ...('reason' in found && { detail: found.reason }),
      });
    } finally {
      store.close();
      await rm(root, { recursive: true, force: true });
    }
  }
}

/** In the middle. */
async function flipBit(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const at = Math.trunc((await file.stat()).size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    buffer[0]! ^= 1;
    await file.write(buffer, 0, 1, at);
  } finally {
    await file.close();
  }
}
