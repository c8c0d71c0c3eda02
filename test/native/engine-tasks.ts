import type { Feed, TensorRtContext } from '../../src/native/tensorrt.ts';
import {
  COLUMNS,
  created,
  END,
  faultOf,
  feeds,
  IDS,
  isRight,
  live,
  MAX_ROWS,
  OPTIONS,
  OUT,
  opened,
  PROFILES,
  plan,
  runtime,
} from './engine-fixture.ts';
import { type FakeTensor, fakePlan } from './fake-plan.ts';

async function wrongBatches(context: TensorRtContext, seed: number): Promise<string[]> {
  const wrong = [];
  for (const [columns, most] of [
    [COLUMNS, MAX_ROWS],
    [2 * COLUMNS, 8],
  ] as const)
    for (let rows = 1; rows <= most; rows++)
      if (!(await isRight(context, rows, seed + rows, columns))) wrong.push(`${rows} × ${columns}`);
  return wrong;
}

/** What an engine gives, and what it refuses. */
export const engineTasks: Record<string, () => Promise<unknown>> = {
  async rows() {
    const [engine, context] = await opened({ ...OPTIONS, graphs: false });
    const before = created();
    const wrong = await wrongBatches(context, 0);
    const made = created() - before;
    const { bindings, deviceBytes } = engine;
    await engine.close();
    return { wrong, made, bindings, deviceBytes, planBytes: plan.length, graphs: context.graphs };
  },
  async graphs() {
    const [engine, context] = await opened();
    const wrong = [];
    const made = [];
    for (let round = 0; round < 4; round++) {
      const before = created();
      wrong.push(...(await wrongBatches(context, 1000 * round)));
      made.push(created() - before);
    }
    await engine.close();
    return { wrong, made, graphs: context.graphs };
  },
  async 'two contexts'() {
    const [engine, first] = await opened();
    const second = await engine.context(OPTIONS);
    const each = async (context: TensorRtContext, seed: number) => {
      const wrong = [];
      for (let run = 0; run < 60; run++)
        if (!(await isRight(context, 1 + ((run * 7) % MAX_ROWS), seed + run))) wrong.push(run);
      return wrong;
    };
    const wrong = await Promise.all([each(first, 0), each(second, 100_000)]);
    await engine.close();
    return wrong;
  },
  async types() {
    const wrong = [];
    const data = {
      int64: new BigInt64Array([1n, 2n, 3n, 4n]),
      uint8: new Uint8Array([1, 2, 3, 4]),
      float32: new Float32Array([1, 2, 3, 4]),
    };
    for (const type of ['int64', 'uint8', 'float32'] as const) {
      const tensors = [{ ...IDS, type, shape: [2, 2] }, OUT];
      const engine = await runtime.open(fakePlan({ version: runtime.version, tensors, profiles: [{}] }), 0);
      const context = await engine.context(OPTIONS);
      // Both rows are padded to two where one is given, for the plan has two.
      const both = await context.run([{ name: 'ids', shape: [2, 2], data: [data[type]] }]);
      const one = await context.run([{ name: 'ids', shape: [1, 2], data: [data[type].subarray(0, 2)] }]);
      if (`${[...both]} ${[...one]}` !== '3,4,5,7,8,9 3,4,5') wrong.push(`${type}: ${both} ${one}`);
      await engine.close();
    }
    return wrong;
  },
  async 'wrong feeds'() {
    const [engine, context] = await opened();
    const [end, ids] = feeds(2, 0) as [Feed, Feed];
    const cases: Record<string, Feed[]> = {
      'too many rows': feeds(MAX_ROWS + 1, 0),
      'no rows': [end, { ...ids, shape: [0, COLUMNS], data: [new Int32Array()] }],
      'other columns': feeds(2, 0, 5),
      'too many rows for these columns': feeds(9, 0, 2 * COLUMNS),
      'too few bytes': [end, { ...ids, data: ids.data.slice(1) }],
      'too many bytes': [end, { ...ids, data: [...ids.data, ...ids.data] }],
      'other type': [end, { ...ids, data: [new Uint8Array(32)] }],
      'other rank': [end, { ...ids, shape: [8] }],
      'other rows': [{ ...end, shape: [1], data: [new Int32Array(1)] }, ids],
      'one missing': [ids],
      'one more': [end, ids, { ...ids, name: 'mask' }],
      none: [],
      'shape of halves': [end, { ...ids, shape: [1.5, 4] }],
    };
    const faults: Record<string, string> = {};
    for (const [name, wrong] of Object.entries(cases)) faults[name] = await faultOf(context.run(wrong));
    const first = context.run(feeds(1, 5));
    const second = await faultOf(context.run(feeds(1, 5)));
    const after = await first.then(() => isRight(context, 2, 7));
    await engine.close();
    return { faults, second, after };
  },
  async 'wrong plans'() {
    const damaged = Uint8Array.from(plan);
    damaged[damaged.length - 20]! ^= 1;
    const other = Uint8Array.from(plan);
    other[25]! -= 1;
    const half: FakeTensor = { ...OUT, type: 'float16' };
    const plans: Record<string, Uint8Array> = {
      empty: new Uint8Array(),
      short: plan.subarray(0, 27),
      'another file': new TextEncoder().encode('this is something else altogether'),
      'another version': other,
      truncated: plan.subarray(0, plan.length - 40),
      damaged,
      'half output': fakePlan({ version: runtime.version, tensors: [IDS, END, half], profiles: PROFILES }),
    };
    const faults: Record<string, string> = {};
    for (const [name, wrong] of Object.entries(plans)) faults[name] = await faultOf(runtime.open(wrong, 0));
    faults['no such device'] = await faultOf(runtime.open(plan, 7));
    return { faults, live: live()[1] };
  },
};
