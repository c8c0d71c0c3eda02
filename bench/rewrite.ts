import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { testModel } from '../test/models/test-model.ts';
import { startBuiltServer } from '../test/server/built-server.ts';
import { itemsPerSecond } from './items-per-second.ts';
import { median } from './median.ts';
import { captions } from './sample-texts.ts';

const ROUNDS = 7;
const REPLICAS = [1, 2, 3];
const PER_REQUEST = 64;
const WARM_SECONDS = 3;
const WAYS = { original: 'off', rewritten: 'auto' } as const;

type Way = keyof typeof WAYS;

/**
 * What rewriting ViT-B/32 costs a start whose rewrite is kept from an earlier one: milliseconds from the files to the text
 * tower's first vector. And the server's memory by replicas once each has encoded texts, as the proportional set size: pages that
 * several mappings share count once.
 */
export async function rewriteBench(): Promise<Record<string, number | string>> {
  const model = await testModel('ViT-B-32');
  if (!(await load(model, 'rewritten')).isRewritten) throw new Error('the text tower was not rewritten');
  const times: Record<Way, number[]> = { original: [], rewritten: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ['original', 'rewritten'] as const) times[way].push((await load(model, way)).ms);
  }
  const ratios = times.rewritten.map((ms, round) => ms / times.original[round]!);
  const figures: Record<string, number | string> = {
    'load, original, ms': median(times.original),
    'load, rewritten, ms': median(times.rewritten),
    'load, rewritten to original': median(ratios),
  };
  for (const way of ['original', 'rewritten'] as const) {
    const sizes: number[] = [];
    for (const replicas of REPLICAS) sizes.push(await memory(model, way, replicas));
    figures[`MB of ${REPLICAS.join(', ')} replicas, ${way}`] = sizes.map(Math.round).join(', ');
    figures[`MB per extra replica, ${way}`] = (sizes.at(-1)! - sizes[0]!) / (REPLICAS.at(-1)! - REPLICAS[0]!);
  }
  return figures;
}

async function load(model: string, way: Way): Promise<{ ms: number; isRewritten: boolean }> {
  const child = fork(new URL('./load-tower.ts', import.meta.url), [model, WAYS[way]], {
    execArgv: ['--import', 'tsx'],
  });
  const [answer] = (await once(child, 'message')) as [{ ms: number; isRewritten: boolean }];
  child.kill('SIGKILL');
  return answer;
}

/** MB of the server's process. */
async function memory(model: string, way: Way, replicas: number): Promise<number> {
  const server = await startBuiltServer(model, 1, { replicas, encoder: { rewrite: WAYS[way] } });
  try {
    const data = captions()
      .slice(0, PER_REQUEST)
      .map((text) => ({ text }));
    const bodies = [Buffer.from(JSON.stringify({ data }))];
    const load = { bodies, perRequest: PER_REQUEST, clients: 2 * replicas, seconds: WARM_SECONDS };
    await itemsPerSecond({ url: server.url, ...load });
    const rollup = await readFile(`/proc/${server.pid}/smaps_rollup`, 'utf8');
    return (Number(/^Pss: +(\d+) kB/m.exec(rollup)![1]) * 1024) / 1e6;
  } finally {
    await server.stop();
  }
}
