/** Process that opens TensorRT for one task, and says what it finds. */
import { answerParent } from '../../src/child.ts';
import { PlanStore } from '../../src/engine/tensorrt/plan-store.ts';
import type { Tower } from '../../src/model/tower.ts';
import { openTensorRt, type TensorRt } from '../../src/native/tensorrt.ts';
import { silentLog } from '../../src/observe/log.ts';
import { checkGraphs } from './graphs.ts';
import { checkKernels } from './kernels.ts';
import { checkMemory } from './memory.ts';
import { checkPlans } from './plans.ts';
import { measureRates } from './rates.ts';
import type { Finding, KeptPlan, Said, Task } from './tasks.ts';

/** A tower's plan as a start takes it from the cache, its checksum verified. */
export interface FoundPlan extends KeptPlan {
  readonly bytes: Uint8Array;
}

/** What a task works with. */
export interface Bench {
  readonly tensorRt: TensorRt;
  readonly device: number;
  readonly windowMs: number;
  readonly find: (finding: Finding) => void;
  plan(tower: Tower): Promise<FoundPlan>;
}

const TASKS: Readonly<Record<Task['do'], (bench: Bench) => Promise<void>>> = {
  kernels: async ({ tensorRt, device, find }) => {
    for (const { name, passed, detail } of await checkKernels(tensorRt, device))
      find({ name, outcome: passed ? 'passed' : 'failed', ...(detail !== undefined && { detail }) });
  },
  graphs: checkGraphs,
  plans: checkPlans,
  memory: checkMemory,
  rates: measureRates,
};

async function work(task: Task, find: Bench['find']): Promise<void> {
  const { tensorrt, device, engines, plans, windowMs } = task;
  const store = await PlanStore.open(engines, { log: silentLog });
  const plan = async (tower: Tower): Promise<FoundPlan> => {
    const kept = plans![tower];
    const found = await store.find(kept.key, new AbortController().signal);
    if (!('plan' in found))
      throw new Error(
        `the ${tower} tower's plan is not in the cache: ${'reason' in found ? found.reason : found.refused}`,
      );
    return { ...kept, bytes: found.plan };
  };
  try {
    await TASKS[task.do]({ tensorRt: openTensorRt(tensorrt), device, windowMs, find, plan });
  } finally {
    store.close();
  }
}

answerParent<Task, Said>((task, say) => {
  work(task, (finding) => say({ finding }))
    .catch((error: Error) => say({ finding: { name: task.do, outcome: 'failed', detail: error.message } }))
    .finally(() => say({ over: true }));
});
