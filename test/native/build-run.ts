import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildJob } from '../../src/native/tensorrt.ts';
import { buildFakes, headersOf, type Major } from '../fakes/build.ts';
import { fakeEnvironment, type Knobs } from '../fakes/environment.ts';
import { testModel } from '../models/test-model.ts';
import type { ChildBuild, ChildError, ChildReport, ChildTask } from './build-child.ts';

const CHILD = join(import.meta.dirname, 'build-child.ts');

/** Why tests with fakes of a major cannot run here; false where they can. */
export async function skipWithout(major: Major): Promise<string | false> {
  return (await headersOf(major)) === undefined && `no headers of TensorRT ${major} (npm run headers)`;
}

/** A build of the text tower of the tiny model with one profile, but for what is given. */
export async function job(changes: Partial<BuildJob> = {}): Promise<BuildJob> {
  return {
    path: join(await testModel('tiny'), 'textual.onnx'),
    device: 0,
    profiles: [{ input_ids: { min: [1, 77], opt: [8, 77], max: [16, 77] } }],
    workspaceBytes: 2 ** 30,
    optimisationLevel: 3,
    tf32: false,
    ...changes,
  };
}

export interface ChildRun {
  /** Absent where the process fell over. */
  readonly report: ChildReport | undefined;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Does the task in a process that finds the fakes of a major, and takes what the process ended with. */
export async function runChild(major: Major, task: Partial<ChildTask>, knobs: Knobs = {}): Promise<ChildRun> {
  const whole: ChildTask = { libraries: { major }, jobs: [], ...task };
  const env = { ...process.env, ...fakeEnvironment(await buildFakes(major), knobs) };
  const args = ['--expose-gc', '--import', 'tsx', CHILD, JSON.stringify(whole)];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const report = error ? undefined : (JSON.parse(stdout) as ChildReport);
      resolve({ report, signal: child.signalCode, stderr });
    });
  });
}

export function reportOf({ report, stderr }: ChildRun): ChildReport {
  assert.ok(report, `the process fell over: ${stderr}`);
  return report;
}

/** The only build of a process that finds the fakes of major 10. */
export async function built(changes: Partial<BuildJob> = {}, knobs: Knobs = {}): Promise<ChildBuild> {
  return reportOf(await runChild(10, { jobs: [await job(changes)] }, knobs)).builds[0]!;
}

export function failureOf({ error, late }: ChildBuild): ChildError {
  assert.ok(error, 'the build came to an end');
  assert.equal(late, false, 'a hook was called after the promise was settled');
  return error;
}

export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-builder-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
