import type { OnProgress } from '../../model/progress.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { PlanKey, PlanRecord, ProvedPlan, Refusal } from './plan.ts';

/** `config.files.engines`. */
export interface StoreLimits {
  /** Absolute. */
  readonly folder: string;
  /** Of all files together. */
  readonly maxBytes: number;
  /** ms to wait for another process that builds the same plan; then it is built here too, and not kept. */
  readonly waitMs: number;
}

export interface StoreHooks {
  readonly log: Logger;
  readonly metrics?: Metrics;
}

/** No plan to be had, and why, as a clause. */
export interface Miss {
  readonly reason: string;
}

/** What a build came to: a plan that passed the parity gate, or why it did not. Key, checksum and time are the store's to add. */
export type Built =
  | (Pick<PlanRecord, 'model' | 'buildSeconds' | 'parity' | 'canary'> & { readonly plan: Uint8Array })
  | Pick<Refusal, 'model' | 'refused' | 'parity'>;

export interface ObtainHooks {
  readonly signal: AbortSignal;
  readonly progress: OnProgress;
  /** The progress's task. */
  readonly label: string;
}

/** What timings of kernels depend on. */
export type TimingKind = Pick<PlanKey, 'tensorrt' | 'gpu' | 'computeCapability'>;

export declare class PlanStore {
  /** Makes the folder, clears away what was cut off. A folder that cannot be used is told in the log, and then nothing is kept. */
  static open(limits: StoreLimits, hooks: StoreHooks): Promise<PlanStore>;
  /** A plan whose checksum was verified; a refusal of an earlier build; or why there is neither. @throws the signal's reason */
  find(key: PlanKey, signal: AbortSignal): Promise<ProvedPlan | Refusal | Miss>;
  /**
   * As `find`, else builds it, in one process at a time. A plan that cannot be kept is given out all the same.
   * @throws the signal's reason, and what `build` throws
   */
  obtain(
    key: PlanKey,
    build: (signal: AbortSignal) => Promise<Built>,
    hooks: ObtainHooks,
  ): Promise<ProvedPlan | Refusal>;
  timingCache(kind: TimingKind): Promise<Uint8Array | undefined>;
  keepTimingCache(kind: TimingKind, bytes: Uint8Array): Promise<void>;
  /** Ends the marks by which plans that were given out count as used. */
  close(): void;
}
