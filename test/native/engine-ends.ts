import { Worker } from 'node:worker_threads';
import {
  expected,
  faultOf,
  feeds,
  isRight,
  live,
  OPTIONS,
  OUT,
  opened,
  plan,
  runtime,
} from './engine-fixture.ts';
import { type FakeTensor, fakePlan } from './fake-plan.ts';

/** Lets a thread read TypeScript. */
const REGISTER = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();`;

/** How engines end: for want of memory, by faults, closed, or with their process. */
export const endTasks: Record<string, () => Promise<unknown>> = {
  /** With a GPU of 1 MiB. */
  async memory() {
    const version = runtime.version;
    const wide: FakeTensor = { name: 'ids', input: true, type: 'int32', shape: [-1, 2500] };
    const range = { min: [1, 2500], opt: [64, 2500], max: [64, 2500] };
    const engine = await runtime.open(
      fakePlan({ version, tensors: [wide, OUT], profiles: [{ ids: range }] }),
      0,
    );
    const context = await engine.context(OPTIONS);
    const held = engine.deviceBytes;
    const before = live();
    const fault = await faultOf(engine.context(OPTIONS));
    const after = live();
    const out = await context.run([{ name: 'ids', shape: [1, 2500], data: [new Int32Array(2500).fill(1)] }]);
    const sameBytes = engine.deviceBytes === held;
    await context.close();
    const again = await engine.context(OPTIONS);
    await again.close();
    await engine.close();
    return { fault, leaked: before.map((count, at) => after[at]! - count), out: [...out], sameBytes };
  },
  /** For faults that show at the third execution; the two before have to end within the bound on any machine. */
  async faults() {
    const [engine, context] = await opened({ graphs: process.argv[4] === 'graphs', hangMs: 3000 });
    const other = await engine.context(OPTIONS);
    const before = [await isRight(context, 2, 0), await isRight(context, 2, 5)];
    const fault = await faultOf(context.run(feeds(2, 9)));
    const later = {
      same: await faultOf(context.run(feeds(2, 9))),
      other: await faultOf(other.run(feeds(2, 9))),
      context: await faultOf(engine.context(OPTIONS)),
    };
    const { graphs } = context;
    await context.close();
    await engine.close();
    return { before, fault, later, graphs };
  },
  async 'context refused'() {
    const engine = await runtime.open(plan, 0);
    const fault = await faultOf(engine.context(OPTIONS));
    await engine.close();
    return { fault, live: live()[1] };
  },
  async capture() {
    const [engine, context] = await opened();
    const right = [];
    for (let run = 0; run < 5; run++) right.push(await isRight(context, 4, run));
    await engine.close();
    return { right, graphs: context.graphs };
  },
  async 'close in flight'() {
    const [engine, context] = await opened();
    const run = context.run(feeds(3, 4));
    const closings = [context.close(), context.close(), engine.close(), engine.close()];
    const order: string[] = [];
    run.then(() => order.push('run'));
    for (const closing of closings) closing.then(() => order.push('close'));
    const out = await run;
    await Promise.all(closings);
    const faults = [await faultOf(context.run(feeds(3, 4))), await faultOf(engine.context(OPTIONS))];
    return { right: `${[...out]}` === `${expected(3, 4)}`, order, faults, live: live()[1] };
  },
  async 'engine closed alone'() {
    const [engine, context] = await opened();
    const closing = engine.close();
    const fault = await faultOf(context.run(feeds(1, 1)));
    await closing;
    return { fault, live: live()[1] };
  },
  async cycles() {
    const counts = [];
    for (let cycle = 0; cycle < 100; cycle++) {
      const [engine, context] = await opened();
      const second = await engine.context(OPTIONS);
      for (let run = 0; run < 3; run++)
        if (!(await isRight(context, 5, run)) || !(await isRight(second, 9, run)))
          throw new Error('wrong rows');
      await engine.close();
      counts.push(live().join(' '));
    }
    return [...new Set(counts)];
  },
  /** The process ends with runs, and with what the last argument says, in flight. */
  async exit() {
    const [engine, context] = await opened();
    const other = await engine.context(OPTIONS);
    const started: Promise<unknown>[] = [context.run(feeds(3, 4)), other.run(feeds(3, 4))];
    const more = process.argv.at(-1);
    if (more === 'opening') started.push(runtime.open(plan, 0), engine.context(OPTIONS));
    if (more === 'closing') started.push(context.close(), engine.close());
    for (const each of started) each.catch(() => {});
    setTimeout(() => process.exit(7), 0);
    return 'exits';
  },
  /** A thread of JavaScript's ends with runs in flight; the next finds all as it should be. */
  async threads() {
    const codes = [];
    for (const more of ['', 'opening', 'closing']) {
      const argv = [process.argv[2], 'exit', more];
      const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(REGISTER)}`];
      const worker = new Worker(new URL('engine-child.ts', import.meta.url), {
        argv,
        execArgv,
        stdout: true,
      });
      codes.push(await new Promise((resolve) => worker.on('exit', resolve)));
    }
    const [engine, context] = await opened();
    const right = await isRight(context, 3, 1);
    await engine.close();
    return { codes, right };
  },
  /** Neither closed nor awaited: what holds no run must not hold the process. */
  async forgotten() {
    const [, context] = await opened();
    return isRight(context, 3, 1);
  },
};
