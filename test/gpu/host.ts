import { availableParallelism } from 'node:os';
import type { Config } from '../../src/config/config.ts';
import { EXAMINATION_MS, examineHost, type HostFacts } from '../../src/host/report.ts';
import { type FoundTensorRt, judge, tensorRtOf, type Verdict } from '../../src/host/verdict.ts';
import type { Preset } from '../models/presets.ts';
import type { Budget } from './budget.ts';
import type { Report } from './report.ts';
import type { KeptPlans } from './tasks.ts';

/** CUDA's index of the one GPU that is tried. */
export const DEVICE = 0;

/** What `clip-server doctor --json` says. */
export interface Host {
  readonly facts: HostFacts & { readonly verdict: Verdict };
  readonly tensorrt: FoundTensorRt | { readonly lacking: string };
}

export async function lookAtHost(signal: AbortSignal): Promise<Host> {
  const facts = await examineHost({ signal, limitMs: EXAMINATION_MS, environment: process.env });
  const tensorrt = tensorRtOf(facts);
  const lacking = 'lacking' in tensorrt ? tensorrt.lacking : tensorrt.noBuilder;
  return {
    facts: { ...facts, verdict: judge(facts) },
    tensorrt: lacking === undefined ? tensorrt : { lacking },
  };
}

export function memoryOf({ facts: { driver } }: Host): number {
  return 'gpus' in driver ? (driver.gpus[DEVICE]?.memoryBytes ?? 0) : 0;
}

/** A model whose plans are in the cache. */
export interface BuiltModel {
  readonly preset: Preset;
  /** Folder of its files. */
  readonly path: string;
  readonly plans: KeptPlans;
  /** Bytes of both. */
  readonly bytes: number;
}

/** What all phases work with. */
export interface Run {
  readonly tensorrt: FoundTensorRt;
  readonly config: Config;
  readonly report: Report;
  readonly budget: Budget;
  /** Of the whole run. */
  readonly stop: AbortSignal;
  /** Shortens what takes as long as it is told to, for tests of this command. */
  readonly quick: boolean;
  /** In the order in which they were built. */
  readonly models: BuiltModel[];
}

/** Threads of ONNX Runtime, and of the server's preprocessing. */
export const THREADS = availableParallelism();
