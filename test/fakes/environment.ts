/** What a process is to find in the fakes. Numbers `from` count from 1, and 0 is never; flags are 0 or 1. */
export interface Knobs {
  /** A file to which the fakes append a line for each thing made, run and destroyed: see `readLog`. */
  readonly log?: string;
  /** getInferLibVersion: 101501 is 10.15.1; default that of the headers. */
  readonly version?: number;
  readonly build?: number;
  /** Default 1. */
  readonly gpus?: number;
  readonly gpuName?: string;
  /** Compute capability × 10, default 89. */
  readonly capability?: number;
  /** Memory of each GPU, default 1024. */
  readonly gpuMib?: number;
  /** cuDriverGetVersion, default 12040. */
  readonly driver?: number;
  /** The one allocation, stream, event, graph or module that the driver has no memory for. */
  readonly createFail?: number;
  /** What cuInit answers. */
  readonly cuinit?: number;
  /** The execution from which every call answers `stickyCode`. */
  readonly sticky?: number;
  /** Default 700. */
  readonly stickyCode?: number;
  /** A file that a sticky error makes: where it is there is no GPU any more, as one that fell off its bus. */
  readonly gone?: string;
  /** The execution from which none ends. */
  readonly hang?: number;
  /** The call of enqueueV3 from which each fails. */
  readonly enqueueFail?: number;
  /** The call of enqueueV3 from which none comes back. */
  readonly enqueueHang?: number;
  /** A call of enqueueV3 does, while the stream is captured, what no capture allows. */
  readonly captureFail?: 0 | 1;
  /** Microseconds that an execution takes longer. */
  readonly enqueueUs?: number;
  /** The execution from which outputs are not numbers. */
  readonly nan?: number;
  /** Added to even and taken from odd columns, which turns the vector's direction … */
  readonly offset?: number;
  /** … after so many executions. */
  readonly offsetAfter?: number;
  /** Steps of a build, default 3. */
  readonly buildSteps?: number;
  readonly stepMs?: number;
  /** The step from which a build lacks memory. */
  readonly buildOom?: number;
  /** The step of a build from which every call answers 700. */
  readonly buildSticky?: number;
  /** The step from which a build ends the process by a signal. */
  readonly buildCrash?: number;
  readonly builderNull?: 0 | 1;
  /** The runtime's factory answers 0x238. */
  readonly runtimeNull?: 0 | 1;
  readonly contextNull?: 0 | 1;
  /** Builds give no plan, and say nothing. */
  readonly planNull?: 0 | 1;
  readonly planPadding?: number;
  /** The parser refuses the graph's last node. */
  readonly parseFail?: 0 | 1;
  /** Bytes of a context's device memory for each row, default 64. */
  readonly scratch?: number;
}

/** Variables for the environment of a process that is to find the fakes of `folder`. */
export function fakeEnvironment(folder: string, knobs: Knobs = {}): Record<string, string> {
  const all = Object.entries(knobs).map(([name, value]) => [
    `FAKE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    String(value),
  ]);
  return { LD_LIBRARY_PATH: folder, ...Object.fromEntries(all) };
}
