import { feedsOf } from '../../src/engine/tensorrt/feeds.ts';
import type { TensorRtContext, TensorRtEngine, TensorRtError } from '../../src/native/tensorrt.ts';
import type { Bench } from './child.ts';
import { lengthsOf, randomInputs } from './inputs.ts';

const HANG_MS = 60_000;
/** Pinned memory of the host is taken as well, so that it may be the first to run out. */
const MOST_CONTEXTS = 400;

/** Whether memory of the device that runs out is an error that hurts nobody else. */
export async function checkMemory({ tensorRt, device, find, plan }: Bench): Promise<void> {
  const { bytes, contract } = await plan('image');
  const engine = await tensorRt.open(bytes, device);
  const [input] = randomInputs(contract, 1, lengthsOf(contract)[0]!, 4);
  const feeds = feedsOf(contract)([input!]);
  const first = await engine.context({ graphs: true, hangMs: HANG_MS });
  const before = await first.run(feeds);
  const { contexts, error } = await fill(engine);
  const figures = { contexts: contexts.length + 1, deviceMiB: engine.deviceBytes / 2 ** 20 };
  const name = 'contexts until the memory is full';
  if (!error)
    find({ name, outcome: 'not run', detail: `the memory takes ${MOST_CONTEXTS} contexts`, figures });
  else if (error.code !== 'memory')
    find({
      name,
      outcome: 'failed',
      detail: `memory expected, got ${error.code}: ${error.message}`,
      figures,
    });
  else find({ name, outcome: 'passed', figures });
  const during = await first.run(feeds);
  for (const context of contexts) await context.close();
  const again = await engine.context({ graphs: true, hangMs: HANG_MS });
  const after = await again.run(feeds);
  const isSame = [during, after].every((vector) => vector.every((x, i) => Object.is(x, before[i])));
  find({
    name: 'the same vector with full memory, and of a new context once there is room',
    ...(isSame
      ? { outcome: 'passed' }
      : {
          outcome: 'failed',
          detail: `${before.slice(0, 3)} … before, ${during.slice(0, 3)} …, ${after.slice(0, 3)} … after`,
        }),
  });
  await engine.close();
}

async function fill(engine: TensorRtEngine) {
  const contexts: TensorRtContext[] = [];
  while (contexts.length < MOST_CONTEXTS)
    try {
      contexts.push(await engine.context({ graphs: true, hangMs: HANG_MS }));
    } catch (thrown) {
      return { contexts, error: thrown as TensorRtError };
    }
  return { contexts, error: undefined };
}
