import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EnginesConfig } from '../../src/config/config.ts';
import type { PlanKey } from '../../src/engine/tensorrt/plan.ts';
import { type ObtainHooks, PlanStore, type StoreHooks } from '../../src/engine/tensorrt/plan-store.ts';
import type { Built } from '../../src/engine/tensorrt/plan-writing.ts';
import { type Logger, silentLog } from '../../src/observe/log.ts';

export const KEY: PlanKey = {
  weights: 'a'.repeat(64),
  rewriterVersion: 2,
  tower: 'text',
  recipe: 'fp16',
  profiles: [{ input_ids: { min: [1, 16], opt: [8, 16], max: [8, 16] } }],
  optimisationLevel: 3,
  tensorrt: '10.15.1.29',
  driverMajor: 12,
  gpu: 'Some GPU',
  computeCapability: '9.0',
  multiprocessors: 132,
  memoryBytes: 85_000_000_000,
  platform: 'linux-x64',
};

/** Bytes with the header that a library of the version writes, and content that tells it from others. */
export function planBytes(size = 2000, version: readonly number[] = [10, 15, 1, 29]): Uint8Array {
  const bytes = Buffer.alloc(size, 7);
  bytes.writeUInt32LE(0x74727466, 0);
  bytes.set(version, 24);
  return bytes;
}

export function built(plan = planBytes()): Extract<Built, { plan: unknown }> {
  const parity = { inputs: 64, mean: 0.99999, least: 0.9997 };
  return { model: 'ViT-B-32::openai', buildSeconds: 12.5, parity, canary: [0.25, -0.5], plan };
}

/** A folder of its own for engines, not made yet. */
export async function engineFolder(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'clip-plans-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  return join(root, 'engines');
}

export async function openStore(
  t: TestContext,
  config: Partial<EnginesConfig> & { readonly folder: string },
  hooks: Partial<StoreHooks> = {},
): Promise<PlanStore> {
  const limits = { maxBytes: 1e9, waitMs: 60_000, buildMs: 60_000, ...config };
  const store = await PlanStore.open(limits, { log: silentLog, ...hooks });
  t.after(() => store.close());
  return store;
}

export const GPU = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';

export const quiet: ObtainHooks = {
  gpu: GPU,
  signal: new AbortController().signal,
  progress: () => {},
  label: 'text engine',
};

/** A build that counts how often it was asked for. */
export function counting(outcome: () => Built = built) {
  const counted = {
    times: 0,
    build: async () => {
      counted.times++;
      return outcome();
    },
  };
  return counted;
}

/** A log that keeps what it was told, by level. */
export function keptLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  const log = { ...silentLog, warn: keep('warn'), info: keep('info'), debug: keep('debug') };
  return { log: log as unknown as Logger, lines };
}
