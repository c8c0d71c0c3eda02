import { buildEngines } from '../../src/build.ts';
import { createProgress } from '../../src/cli/progress.ts';
import type { PlannedTower } from '../../src/engine/tensorrt/build-plan.ts';
import type { Tower } from '../../src/model/tower.ts';
import { createLog } from '../../src/observe/log.ts';
import type { Preset } from '../models/presets.ts';
import { DEVICE, type Run } from './host.ts';
import { misfit, modelFolder } from './models.ts';
import { attempt, type Find } from './phase.ts';
import type { KeptPlan } from './tasks.ts';

/** Makes each model and builds its engines as `clip-server build` does; those that pass the gate go on to the other phases. */
export async function buildModels(
  run: Run,
  presets: readonly Preset[],
  folder: string,
  memoryBytes: number,
): Promise<void> {
  for (const preset of presets) {
    const find: Find = (finding) => run.report.add({ phase: 'build', model: preset, ...finding });
    await attempt(run, 'build', 'engines of both towers', find, async (signal) => {
      const path = await modelFolder(folder, preset);
      const reason = await misfit(path, memoryBytes);
      if (reason === undefined) await buildModel(run, preset, path, find, signal);
      else find({ name: 'engines of both towers', outcome: 'not run', detail: reason });
    });
  }
}

async function buildModel(run: Run, preset: Preset, path: string, find: Find, signal: AbortSignal) {
  const { tensorrt, config, models } = run;
  const display = createProgress();
  const log = createLog({ level: 'warn', format: 'auto', healthRequests: false });
  const plans: Partial<Record<Tower, KeptPlan>> = {};
  let bytes = 0;
  const began = new Date().toISOString();
  const onEngine = (planned: PlannedTower) => {
    const { record } = planned.proved;
    plans[record.key.tower] = { contract: planned.contract, key: record.key };
    bytes += record.bytes;
    find(builtRow(planned, record.created >= began));
  };
  try {
    const request = { model: { name: preset, modelPath: path }, device: DEVICE };
    await buildEngines(request, config, { tensorrt, log, progress: display.show, signal, onEngine });
  } finally {
    display.close();
  }
  models.push({ preset, path, plans: { text: plans.text!, image: plans.image! }, bytes });
}

function builtRow({ proved: { record } }: PlannedTower, isNew: boolean) {
  const { key, buildSeconds, parity, layers, bytes } = record;
  return {
    name: `${key.tower} tower: built, and the vectors are ONNX Runtime's`,
    outcome: 'passed',
    figures: {
      recipe: key.recipe,
      tensorrt: key.tensorrt,
      gpu: key.gpu,
      mean: parity.mean,
      least: parity.least,
      inputs: parity.inputs,
      'MB of the plan': bytes / 1e6,
      'seconds of the build': buildSeconds,
      built: isNew ? 'in this run' : 'before',
      profiles: key.profiles.length,
      layers: layers?.layers ?? 'not described',
      'fused attentions': layers?.fusedAttentions ?? 'not described',
      kinds: layers?.kinds,
      outputs: layers?.outputs,
    },
  } as const;
}
