import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { obtainPlan, type PlanOptions } from '../../../src/engine/tensorrt/build-plan.ts';
import { parityInputs } from '../../../src/engine/tensorrt/parity-inputs.ts';
import { PlanStore } from '../../../src/engine/tensorrt/plan-store.ts';
import type { Tower } from '../../../src/model/tower.ts';
import { buildFakes } from '../../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../../fakes/environment.ts';
import type { Preset } from '../../models/presets.ts';
import { testContract } from '../contract.ts';
import { testMeans } from './means.ts';

const MAJOR = 10;

/** Plans of test models, built by processes that find the fakes. */
export class FakeGpuHouse {
  readonly folder: string;
  readonly fakes: string;
  /** Log lines from `debug` on. */
  readonly lines: string[] = [];
  readonly #log = pino(
    { level: 'debug' },
    { write: (line: string) => void this.lines.push(JSON.parse(line).msg) },
  );

  private constructor(folder: string, fakes: string) {
    this.folder = folder;
    this.fakes = fakes;
  }

  static async open(t: TestContext): Promise<FakeGpuHouse> {
    const folder = await mkdtemp(join(tmpdir(), 'clip-fake-gpu-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    return new FakeGpuHouse(folder, await buildFakes(MAJOR));
  }

  async obtain(preset: Preset, tower: Tower, knobs: Knobs = {}, more: Partial<PlanOptions> = {}) {
    const model = await testContract(preset);
    const means = await testMeans(model.image.resolution!);
    const { fakes } = this;
    const log = this.#log;
    const config = { folder: join(this.folder, 'engines'), maxBytes: 1e9, waitMs: 60_000, buildMs: 60_000 };
    const store = await PlanStore.open(config, { log });
    try {
      return await obtainPlan({
        store,
        model: preset,
        contract: model[tower],
        recipe: { recipes: ['fp16'], maxBatch: 4, workspaceBytes: 2 ** 26, optimisationLevel: 3 },
        libraries: {
          major: MAJOR,
          infer: join(fakes, `libnvinfer.so.${MAJOR}`),
          parser: join(fakes, `libnvonnxparser.so.${MAJOR}`),
        },
        environment: { ...process.env, ...fakeEnvironment(fakes, knobs) },
        device: 0,
        inputs: () => parityInputs(tower, means),
        threads: 1,
        cache: join(this.folder, 'cache'),
        limitMs: 120_000,
        graceMs: 10_000,
        label: `${preset} ${tower}, engine`,
        log,
        progress: () => {},
        signal: new AbortController().signal,
        ...more,
      });
    } finally {
      store.close();
    }
  }

  /** Names in the cache of plans. */
  async kept(): Promise<string[]> {
    return (await readdir(join(this.folder, 'engines'))).sort();
  }
}
