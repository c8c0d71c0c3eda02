import type { EnginesConfig } from '../../src/config/config.ts';
import type { PlanKey } from '../../src/engine/tensorrt/plan.ts';
import type { FoundTensorRt } from '../../src/host/verdict.ts';
import type { Tower, TowerContract } from '../../src/model/tower.ts';
import type { Row } from './report.ts';

/** A tower's plan in the cache, and the graph that it was built of. */
export interface KeptPlan {
  readonly contract: TowerContract;
  readonly key: PlanKey;
}

export type KeptPlans = Readonly<Record<Tower, KeptPlan>>;

/** What is done in a process of its own, for it may lose the GPU or fall over. */
export interface Task {
  readonly do: 'kernels' | 'graphs' | 'plans' | 'memory' | 'rates';
  readonly tensorrt: FoundTensorRt;
  readonly engines: EnginesConfig;
  /** CUDA's index. */
  readonly device: number;
  /** Of one model; kernels need none. */
  readonly plans?: KeptPlans;
  /** ms that one rate is measured for. */
  readonly windowMs: number;
}

/** What a check has to say; phase and model are whoever's who asked. */
export type Finding = Omit<Row, 'phase' | 'model'>;

export type Said = { readonly finding: Finding } | { readonly over: true };
