import type { Progress } from '../../../model/progress.ts';
import type { TowerContract, TowerInput } from '../../../model/tower.ts';
import type { CudaDevice, Profile, TensorRtFault } from '../../../native/tensorrt.ts';
import type { LayerSummary } from '../layers.ts';
import type { ParityInput } from '../parity-inputs.ts';
import type { Parity, Recipe } from '../plan.ts';

/** TensorRT's libraries, as a process opens them. */
export interface Libraries {
  readonly major: number;
  /** Of libnvinfer and the parser: paths, or names that the loader looks for. */
  readonly infer: string;
  readonly parser?: string;
}

/** What a plan's key depends on beside its recipe. */
export interface ExamineTask {
  readonly do: 'examine';
  readonly libraries: Libraries;
  /** CUDA's index. */
  readonly device: number;
  readonly contract: TowerContract;
  /** Folder of all models, for notes. */
  readonly cache: string;
}

export interface Examined {
  /** TensorRT's, with build number. */
  readonly version: string;
  readonly device: CudaDevice;
  /** SHA-256 of the tower's files, lower-case hexadecimal. */
  readonly weights: string;
  /** Of the graph that plans are built of, whatever their precision; or why there is none but the original. */
  readonly graph: TowerContract | { readonly unrecognised: string };
}

/** The vectors that plans are judged by. */
export interface ReferenceTask {
  readonly do: 'reference';
  readonly contract: TowerContract;
  readonly inputs: readonly TowerInput[];
  readonly threads: number;
}

export interface Reference {
  readonly reference: readonly Float32Array[];
}

export interface BuildTask {
  readonly do: 'build';
  readonly libraries: Libraries;
  readonly device: number;
  /** Of the model's own file. */
  readonly contract: TowerContract;
  readonly recipe: Recipe;
  readonly profiles: readonly Profile[];
  readonly maxBatch: number;
  readonly workspaceBytes: number;
  readonly optimisationLevel: number;
  readonly timingCache?: Uint8Array;
  /** Takes the graph and what is built; whoever asks removes it. */
  readonly folder: string;
  /** ms after which the build is cancelled. */
  readonly limitMs: number;
  readonly inputs: readonly ParityInput[];
  readonly reference: readonly Float32Array[];
}

/** Files of a build's folder. */
export const PLAN_FILE = 'plan';
export const TIMINGS_FILE = 'timings';

export type BuildOutcome =
  | {
      readonly buildSeconds: number;
      readonly parity: Parity;
      readonly layers?: LayerSummary;
      /** The plan's own vector of the canary. */
      readonly canary: readonly number[];
    }
  /** Wrong numbers: a clause with the figures. */
  | { readonly wrong: string; readonly parity?: Parity }
  | { readonly fault: TensorRtFault; readonly message: string };

export type Task = ExamineTask | ReferenceTask | BuildTask;

/** The last word of a task that failed otherwise than a build does. */
export interface Failed {
  readonly failure: string;
}

export type Answer = Examined | Reference | BuildOutcome | Failed;

export type Said =
  | { readonly progress: Omit<Progress, 'task'> }
  /** The library's own words. */
  | { readonly severity: 'warning' | 'error'; readonly text: string }
  | { readonly answer: Answer };
