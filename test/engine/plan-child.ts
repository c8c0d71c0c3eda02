import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';
import { PlanStore } from '../../src/engine/tensorrt/plan-store.ts';
import { silentLog } from '../../src/observe/log.ts';
import { built, GPU, KEY } from './plan-scene.ts';

/**
 * Obtains KEY, or its like of another kind of GPU, in a process of its own: `plan-child FOLDER COUNTER HOW [MULTIPROCESSORS]`. COUNTER gets a line for each build. It prints `building`,
 * `waiting`, and at last `plan SHA256`. HOW is `gated`: a build ends once a line comes in; or `dies-N`: it is killed in the N-th rename.
 */
const [folder, counter, how, kind] = process.argv.slice(2) as [string, string, string, string?];
const multiprocessors = kind === undefined ? KEY.multiprocessors : Number(kind);
if (how.startsWith('dies-')) dieInRename(Number(how.slice(5)));

function dieInRename(number: number): void {
  const { rename } = fs;
  let calls = 0;
  fs.rename = async (...paths: Parameters<typeof rename>) => {
    if (++calls === number) process.kill(process.pid, 'SIGKILL');
    await rename(...paths);
  };
  syncBuiltinESMExports();
}

const lines = createInterface(process.stdin);
const gate = new Promise((resolve) => lines.once('line', resolve));
let last = '';
const say = (word: string) => {
  if (word !== last) console.log(word);
  last = word;
};

async function main(): Promise<void> {
  const store = await PlanStore.open(
    { folder, maxBytes: 1e9, waitMs: 60_000, buildMs: 60_000 },
    { log: silentLog },
  );
  const build = async () => {
    appendFileSync(counter, 'built\n');
    say('building');
    if (how === 'gated') await gate;
    return built();
  };
  const outcome = await store.obtain({ ...KEY, multiprocessors }, build, {
    gpu: GPU,
    signal: new AbortController().signal,
    progress: ({ phase }) => say(phase),
    label: 'text engine',
  });
  console.log(`plan ${'plan' in outcome && outcome.record.sha256}`);
  lines.close();
}

void main();
