import { type BuildJob, openTensorRt, type TensorRtLibraries } from '../../src/native/tensorrt.ts';

/** What the process is to do; it prints a `ChildReport` as JSON. */
export interface ChildTask {
  readonly libraries: TensorRtLibraries;
  /** Built one after another, or all at once. */
  readonly jobs: readonly BuildJob[];
  readonly together?: boolean;
  /** Every build but the first starts from the timing cache of the one before. */
  readonly keepTimings?: boolean;
  /** From which the first build starts. */
  readonly timings?: readonly number[];
  /** Aborts the signal of the last build: before it is asked for, once all are, or at its first step. */
  readonly abort?: 'before' | 'asked' | 'step';
}

export interface ChildReport {
  readonly opened?: { version: string; headers: string; devices: readonly object[] };
  /** Of opening. */
  readonly error?: ChildError;
  readonly builds: readonly ChildBuild[];
}

export interface ChildError {
  readonly code: string;
  readonly message: string;
}

export interface ChildBuild {
  readonly error?: ChildError;
  /** Its first bytes, and how many there are. */
  readonly plan?: { readonly head: readonly number[]; readonly bytes: number };
  readonly timingCache?: readonly number[];
  readonly layers?: string;
  readonly progress: readonly [phase: string, done: number, total: number][];
  readonly messages: readonly string[];
  /** Whether a hook was called after the promise was settled. */
  readonly late: boolean;
}

const errorOf = ({ code, message }: ChildError): ChildError => ({ code, message });

function build(
  open: ReturnType<typeof openTensorRt>,
  job: BuildJob,
  abort: ChildTask['abort'],
): Promise<ChildBuild> {
  const controller = new AbortController();
  const progress: [string, number, number][] = [];
  const messages: string[] = [];
  const state = { settled: false, late: false };
  const hooks = {
    signal: controller.signal,
    onProgress: (...step: [string, number, number]) => {
      progress.push(step);
      state.late ||= state.settled;
      if (abort === 'step') controller.abort();
    },
    onMessage: (severity: string, text: string) => {
      messages.push(`${severity}: ${text}`);
      state.late ||= state.settled;
    },
  };
  if (abort === 'before') controller.abort();
  const result = open.build(job, hooks);
  if (abort === 'asked') controller.abort();
  const done = (outcome: object): ChildBuild => {
    state.settled = true;
    return { ...outcome, progress, messages, late: false };
  };
  const settled = result.then(
    ({ plan, timingCache, layers }) =>
      done({
        plan: { head: [...plan.subarray(0, 28)], bytes: plan.length },
        timingCache: [...timingCache],
        layers,
      }),
    (error) => done({ error: errorOf(error) }),
  );
  return settled.then(async (outcome) => {
    // Whatever was on its way has come by then.
    await new Promise((resolve) => setImmediate(resolve));
    return { ...outcome, late: state.late };
  });
}

async function work({
  libraries,
  jobs,
  together,
  keepTimings,
  timings,
  abort,
}: ChildTask): Promise<ChildReport> {
  const builds: Promise<ChildBuild>[] = [];
  let open: ReturnType<typeof openTensorRt>;
  try {
    open = openTensorRt(libraries);
  } catch (error) {
    return { error: errorOf(error as ChildError), builds: [] };
  }
  let timingCache = timings;
  for (const [i, job] of jobs.entries()) {
    const kept = (keepTimings || i === 0) && timingCache ? { timingCache: Uint8Array.from(timingCache) } : {};
    builds.push(build(open, { ...job, ...kept }, i === jobs.length - 1 ? abort : undefined));
    if (!together) ({ timingCache } = await builds[i]!);
  }
  const { version, headers, devices } = open;
  const report = { opened: { version, headers, devices }, builds: await Promise.all(builds) };
  // Plans are TensorRT's memory until their arrays are collected: what the log of the fakes then lacks is a leak.
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve));
  return report;
}

console.log(JSON.stringify(await work(JSON.parse(process.argv[2]!) as ChildTask)));
