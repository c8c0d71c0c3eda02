import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BuiltModel, Run } from './host.ts';
import type { Find } from './phase.ts';
import { type GpuServer, startGpuServer, untilRestarted, vectorsOf } from './server.ts';

const FAULT = join(import.meta.dirname, 'fault');
const MODULE = resolve(import.meta.dirname, '../../build/gpu/lose-gpu.node');
const DOCUMENTS = [{ text: 'a photo of a cat' }];
const POLL_MS = 20;

/** What becomes of a server whose serving process crashes, and of one that loses its GPU. */
export async function checkServingFaults(
  run: Run,
  model: BuiltModel,
  find: Find,
  signal: AbortSignal,
): Promise<void> {
  const unbuilt = await buildFault();
  const server = await startGpuServer(run, model, {
    NODE_OPTIONS: `--require=${join(FAULT, 'lose-gpu.cjs')}`,
    CLIP_TEST_LOSE_GPU: MODULE,
  });
  try {
    const [before] = await vectorsOf(server, DOCUMENTS);
    const check = async (name: string, cause: string, kill: NodeJS.Signals) => {
      const { seconds, answers } = await fell(server, kill, signal);
      const faults = [
        ...(await differences(server, before!)),
        ...(await uncounted(server, cause)),
        ...answers.filter((answer) => !/^(200|503)/.test(answer)),
      ];
      const outcome = faults.length === 0 ? 'passed' : 'failed';
      find({ name, outcome, figures: { seconds }, ...(faults.length > 0 && { detail: faults.join('; ') }) });
    };
    await check('a serving process that crashes is followed by another', 'crashed', 'SIGKILL');
    const name = 'a serving process that loses its GPU by a kernel’s fault is followed by another';
    if (unbuilt === undefined) await check(name, 'sticky', 'SIGUSR2');
    else find({ name, outcome: 'not run', detail: unbuilt });
  } finally {
    await server.stop();
  }
}

/** Why the module that loses the GPU is not there, a clause. */
async function buildFault(): Promise<string | undefined> {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
  const source = join(FAULT, 'lose-gpu.cc');
  await mkdir(dirname(MODULE), { recursive: true });
  const args = ['-std=c++20', '-shared', '-fPIC', '-I', headers, source, '-o', MODULE, '-ldl'];
  return promisify(execFile)(process.env.CXX ?? 'c++', args).then(
    () => undefined,
    (error: Error) => `the module that provokes it does not compile: ${error.message}`,
  );
}

/** Sends the signal to the serving process and requests to the server until another one serves. */
async function fell(server: GpuServer, kill: NodeJS.Signals, signal: AbortSignal) {
  const pid = await server.servingPid();
  const began = performance.now();
  process.kill(pid, kill);
  const answers = new Set<string>();
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      // In between nobody listens.
      const answer = await vectorsOf(server, DOCUMENTS).then(
        () => '200',
        (error: Error) => (/^\d{3}/.test(error.message) ? error.message : undefined),
      );
      if (answer !== undefined) answers.add(answer);
      await wait(POLL_MS);
    }
  };
  const clients = client();
  try {
    await untilRestarted(server, pid, signal);
  } finally {
    isOver = true;
    await clients;
  }
  return { seconds: (performance.now() - began) / 1000, answers: [...answers] };
}

/** The same plan gives the same vector, bit by bit. */
async function differences(server: GpuServer, before: readonly number[]): Promise<string[]> {
  const [after] = await vectorsOf(server, DOCUMENTS);
  return after!.every((x, i) => Object.is(x, before[i])) ? [] : ['the vector is another afterwards'];
}

async function uncounted(server: GpuServer, cause: string): Promise<string[]> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { connection: 'close' } });
  const counter = `clip_process_restarts_total{cause="${cause}"} 1`;
  return (await answer.text()).includes(counter) ? [] : [`${counter} expected among the metrics`];
}
