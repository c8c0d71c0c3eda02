import type { RewriteOptions } from '../../model/rewrite/options.ts';
import type { Tower } from '../../model/tower.ts';
import type { Profile } from '../../native/tensorrt.ts';
import type { LayerSummary } from './layers.ts';

/** Which graph a plan is built of, and how exact it computes. `original` is the model's own file in float32. */
export type Recipe = Exclude<RewriteOptions['precision'], 'bf16'> | 'bf16' | 'original';

/** What `engines/*.yml` says of a model's tower. */
export interface TowerRecipe {
  /** Tried in this order until one passes the parity gate. */
  readonly recipes: readonly Recipe[];
  /** Most rows of a run. */
  readonly maxBatch: number;
  readonly workspaceBytes: number;
  readonly optimisationLevel: number;
}

/** Everything that a plan depends on; equal keys are one plan. */
export interface PlanKey {
  /** SHA-256 of the tower's files, external data included. */
  readonly weights: string;
  readonly rewriterVersion: number;
  readonly tower: Tower;
  readonly recipe: Recipe;
  readonly profiles: readonly Profile[];
  readonly optimisationLevel: number;
  /** With build number. */
  readonly tensorrt: string;
  readonly driverMajor: number;
  readonly gpu: string;
  readonly computeCapability: string;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  /** `linux-x64`. */
  readonly platform: string;
}

/** Cosines to ONNX Runtime's float32 vectors, over all inputs of the parity gate. */
export interface Parity {
  readonly inputs: number;
  readonly mean: number;
  readonly least: number;
}

/** The side-car of a plan, JSON beside it. */
export interface PlanRecord {
  readonly key: PlanKey;
  readonly model: string;
  /** Of the plan's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  readonly buildSeconds: number;
  readonly parity: Parity;
  /** Absent where the library's description is not understood. */
  readonly layers?: LayerSummary;
  /** Vectors that the plan itself gave for the canary pair's input of this tower; components in float32. */
  readonly canary: readonly number[];
  /** ISO 8601. */
  readonly created: string;
}

/** Kept in a plan's place, so that no later start builds again what does not pass. */
export interface Refusal {
  readonly key: PlanKey;
  readonly model: string;
  /** Why, as a clause with the figures. */
  readonly refused: string;
  /** Absent where it was not compared. */
  readonly parity?: Parity;
  /** ISO 8601. */
  readonly created: string;
}

/** A plan that passed the gate: bytes whose checksum was verified. */
export interface ProvedPlan {
  readonly record: PlanRecord;
  readonly plan: Uint8Array;
}
