import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { obtainPlan, type PlanOptions } from '../../../src/engine/tensorrt/build-plan.ts';
import type { Examined } from '../../../src/engine/tensorrt/building/messages.ts';
import { PlanStore } from '../../../src/engine/tensorrt/plan-store.ts';
import type { Progress } from '../../../src/model/progress.ts';
import type { TowerContract } from '../../../src/model/tower.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { ToldBuilder, type Turn } from './told-builder.ts';

const GRAPH: TowerContract = {
  tower: 'image',
  path: '/models/visual.onnx',
  input: { name: 'pixel_values', type: 'uint8' },
  output: { name: 'output', type: 'float32' },
  layout: 'nhwc',
  resolution: 32,
  bytes: 0,
  externalData: false,
};

export const ORIGINAL: TowerContract = {
  ...GRAPH,
  input: { name: 'pixels', type: 'float32' },
  layout: 'nchw',
};

export const EXAMINED: Examined = {
  version: '10.15.1.29',
  device: {
    name: 'a GPU',
    computeCapability: '8.9',
    multiprocessors: 142,
    memoryBytes: 48e9,
    uuid: 'none',
    driverVersion: 12_040,
  },
  weights: 'a'.repeat(64),
  graph: GRAPH,
};

/** A cache of plans, and builds that come to what a test says. */
export class BuilderHouse {
  readonly folder: string;
  readonly told: ToldBuilder;
  readonly metrics = new Metrics();
  /** Log lines from `info` on. */
  readonly lines: string[] = [];
  readonly phases: Progress[] = [];
  readonly #log = pino(
    { level: 'info' },
    { write: (line: string) => void this.lines.push(JSON.parse(line).msg) },
  );
  /** How often the inputs of the gate were asked for. */
  asked = 0;

  private constructor(folder: string, told: ToldBuilder) {
    this.folder = folder;
    this.told = told;
  }

  static async open(
    t: TestContext,
    turns: readonly Turn[],
    examined?: ToldBuilder['examined'],
  ): Promise<BuilderHouse> {
    const folder = await mkdtemp(join(tmpdir(), 'clip-builder-'));
    const house = new BuilderHouse(folder, new ToldBuilder(EXAMINED, turns));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = folder;
    t.after(async () => {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      await rm(folder, { recursive: true, force: true });
    });
    if (examined) house.told.examined = examined;
    return house;
  }

  /** From now on; the tasks so far are forgotten. */
  conduct(turns: readonly Turn[], examined: ToldBuilder['examined'] = EXAMINED): void {
    this.told.turns = [...turns];
    this.told.examined = examined;
    this.told.tasks = [];
    this.lines.length = 0;
  }

  async obtain(more: Partial<PlanOptions> = {}) {
    const { metrics } = this;
    const config = { folder: join(this.folder, 'engines'), maxBytes: 1e6, waitMs: 60_000, buildMs: 60_000 };
    const store = await PlanStore.open(config, { log: this.#log, metrics });
    try {
      return await obtainPlan({
        store,
        model: 'a model',
        contract: ORIGINAL,
        recipe: {
          recipes: ['fp16', 'fp32-residual', 'fp32'],
          maxBatch: 8,
          workspaceBytes: 1024 * 2 ** 20,
          optimisationLevel: 3,
        },
        libraries: { major: 10, infer: 'none' },
        environment: process.env,
        device: 0,
        inputs: async () => {
          this.asked++;
          return [{ name: 'black', input: new Uint8Array(3 * 32 * 32) }];
        },
        threads: 1,
        cache: this.folder,
        limitMs: 60_000,
        graceMs: 60_000,
        label: 'a model, image engine',
        ask: this.told.ask,
        metrics,
        log: this.#log,
        progress: (progress) => void this.phases.push(progress),
        signal: new AbortController().signal,
        ...more,
      });
    } finally {
      store.close();
    }
  }

  /** Folders that builds have left. */
  async left(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => name.startsWith('clip-engine-'));
  }

  async limited(): Promise<string[]> {
    return (await this.metrics.limited.get()).values.map(({ labels }) => String(labels.limit));
  }
}
