import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { type RewriteHooks, servedModel } from '../../src/engine/rewrite/towers.ts';
import { settle } from '../../src/engine/rewrite/work.ts';
import type { Progress } from '../../src/model/progress.ts';
import type { ModelContract } from '../../src/model/tower.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import type { ModelOptions } from '../models/options.ts';
import { testContract } from './contract.ts';
import { type Conduct, rewriteAsTold } from './told-rewrite.ts';

export const NOTE = /^\.textual\.[0-9a-f]{16}\.json$/;
export const GRAPH = /^\.textual\.[0-9a-f]{16}\.onnx$/;

/** In this process: starting another costs a second. */
const settleHere: RewriteHooks['settle'] = async (task, { onProgress }) => ({
  verdict: await settle(task, rewriteAsTold, onProgress),
});

/** A model of its own in a folder of its own, whose text tower is rewritten as a test says. */
export class House {
  readonly folder: string;
  readonly contract: ModelContract;
  readonly metrics = new Metrics();
  readonly lines: string[] = [];
  readonly phases: Progress[] = [];
  readonly #log = pino(
    { level: 'warn' },
    { write: (line: string) => void this.lines.push(JSON.parse(line).msg) },
  );

  private constructor(folder: string, contract: ModelContract) {
    this.folder = folder;
    this.contract = contract;
  }

  static async open(t: TestContext, conduct: Conduct | Omit<ModelOptions, 'preset'>): Promise<House> {
    const folder = await mkdtemp(join(tmpdir(), 'clip-rewrite-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const { text, image, ...contract } = await testContract('tiny');
    const paths = [join(folder, 'model', 'textual.onnx'), join(folder, 'model', 'visual.onnx')] as const;
    await mkdir(join(folder, 'model'));
    await copyFile(text.path, paths[0]);
    await copyFile(image.path, paths[1]);
    const towers = { text: { ...text, path: paths[0] }, image: { ...image, path: paths[1] } };
    const house = new House(join(folder, 'model'), { ...contract, ...towers });
    await house.conduct(conduct);
    return house;
  }

  /** What rewriting comes to from now on: a graph with these options, or a fault. */
  async conduct(conduct: Conduct | Omit<ModelOptions, 'preset'>): Promise<void> {
    const isFault = ['copy', 'unrecognised', 'fail', 'fall', 'hang'].some((key) => key in conduct);
    const made = isFault ? undefined : (await testContract('tiny', conduct as ModelOptions)).text;
    await writeFile(
      join(this.folder, 'conduct.json'),
      JSON.stringify(made ? { copy: made.path, contract: made } : conduct),
    );
  }

  get cache(): string {
    return join(this.folder, '..', 'cache');
  }

  start(more: Partial<RewriteHooks> = {}, contract = this.contract) {
    return servedModel(contract, {
      rewrite: 'auto',
      cache: this.cache,
      threads: 1,
      progress: (progress) => void this.phases.push(progress),
      log: this.#log,
      metrics: this.metrics,
      signal: new AbortController().signal,
      settle: settleHere,
      ...more,
    });
  }

  /** Ids of the processes that have rewritten so far. */
  async runs(): Promise<number[]> {
    const log = await readFile(join(this.folder, 'runs.log'), 'utf8').catch(() => '');
    return log.split('\n').filter(Boolean).map(Number);
  }

  async files(folder = this.folder): Promise<string[]> {
    return (await readdir(folder)).filter((name) => name.startsWith('.textual.')).sort();
  }

  async graph(): Promise<string[]> {
    const { values } = await this.metrics.graphInfo.get();
    return values.map(({ labels }) => `${labels.tower} ${labels.served} ${labels.reason}`);
  }
}
