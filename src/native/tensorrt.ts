import { onAbort } from '../abort.ts';
import type { ElementType } from '../model/tower.ts';
import type { ResizeJob } from './addon.ts';
import { BUILD_NATIVE, requireBuilt } from './built.ts';

/**
 * The one typed door to the module of a TensorRT major. Everything behind it can end the process (a broken driver, a library's own
 * abort), so it is opened in processes that may fall over: those that build, and a serving one that a supervisor watches.
 * Errors are `TensorRtError`s.
 */
export interface TensorRt {
  /** Of the library that was loaded, build number included: `10.15.1.29`. */
  readonly version: string;
  /** Of the headers that the module was compiled with. */
  readonly headers: string;
  /** Of each device in the order of CUDA's indices. */
  readonly devices: readonly CudaDevice[];
  /** Builds on threads of its own; one build per device at a time. Rejects with `cancelled` once the signal is aborted. */
  build(job: BuildJob, hooks: BuildHooks): Promise<BuiltPlan>;
  /** Deserialises a plan whose checksum was verified; nothing else may be given here. The bytes are not kept. */
  open(plan: Uint8Array, device: number): Promise<TensorRtEngine>;
  /**
   * As `Addon.resizeCrop` for mode RGB, byte for byte, on the device: coefficients from the host, two passes with bytes between
   * them. Throws TypeError or RangeError for a job that cannot be; rejects when the buffer does not hold the picture. One job
   * at a time on a device; none takes longer than 10 s: `hung`.
   */
  resizeCrop(job: DeviceResizeJob): Promise<Uint8Array>;
  /**
   * CLIP's normalisation on the device, value for value as `Addon.normalise`: pictures of uint8 RGB, interleaved → planes (R, G, B)
   * of each. Resolves to the values' bytes in the machine's order. Errors as of `resizeCrop`.
   */
  normalise(job: DeviceNormaliseJob): Promise<Uint8Array>;
}

export interface DeviceResizeJob extends Pick<ResizeJob, 'data' | 'width' | 'height' | 'resolution'> {
  readonly mode: 'RGB';
  readonly device: number;
}

export interface DeviceNormaliseJob {
  /** rows × pixels × 3 bytes. Not to be changed until done. */
  readonly data: Uint8Array;
  readonly rows: number;
  /** float16: the float32 value, rounded to nearest, halves to even. */
  readonly type: 'float32' | 'float16';
  readonly device: number;
}

export interface CudaDevice {
  readonly name: string;
  /** `8.9`. */
  readonly computeCapability: string;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  /** Lower-case hexadecimal in the usual groups; a MIG slice has its own. */
  readonly uuid: string;
  /** 12040 is CUDA 12.4. */
  readonly driverVersion: number;
}

/** Shapes of one input under one profile. */
export interface ShapeRange {
  readonly min: readonly number[];
  readonly opt: readonly number[];
  readonly max: readonly number[];
}

/** Input's name → its shapes. Every input with a dynamic dimension is named. */
export type Profile = Readonly<Record<string, ShapeRange>>;

export interface BuildJob {
  /** Absolute path of the ONNX file; external data is found from its folder. */
  readonly path: string;
  readonly device: number;
  /** At least one; none where every dimension is fixed. */
  readonly profiles: readonly Profile[];
  readonly workspaceBytes: number;
  /** 0 … 5. */
  readonly optimisationLevel: number;
  /** Whether float32 products may use TF32. */
  readonly tf32: boolean;
  /** Of an earlier build with the same library on the same kind of device. */
  readonly timingCache?: Uint8Array;
}

export interface BuildHooks {
  readonly signal: AbortSignal;
  /** Steps of the phase that the library is in, outermost first; called on the JavaScript thread, at most 10 times a second. */
  readonly onProgress: (phase: string, done: number, total: number) => void;
  /** The library's own messages from warning upwards. */
  readonly onMessage: (severity: 'warning' | 'error', text: string) => void;
}

export interface BuiltPlan {
  readonly plan: Uint8Array;
  readonly timingCache: Uint8Array;
  /** The library's description of each layer, JSON. */
  readonly layers: string;
}

export interface Binding {
  readonly name: string;
  readonly direction: 'input' | 'output';
  readonly type: ElementType;
  /** -1 is dynamic. */
  readonly shape: readonly number[];
}

/** A plan on a device: weights once, shared by its contexts. */
export interface TensorRtEngine {
  readonly bindings: readonly Binding[];
  /** Bytes of device memory that the engine and its contexts hold. */
  readonly deviceBytes: number;
  /**
   * A context with its own thread, stream, pinned staging and device memory, all allocated here for the largest shapes of its
   * profiles: running allocates nothing on the device. One run at a time; contexts of one engine overlap.
   */
  context(options: ContextOptions): Promise<TensorRtContext>;
  /** Ends the contexts first. Idempotent. */
  close(): Promise<void>;
}

export interface ContextOptions {
  /** Whether runs are captured in CUDA graphs, one per profile and bucket of rows. */
  readonly graphs: boolean;
  /** ms after which a run that the device does not finish counts as hung: `hung`, which is sticky. */
  readonly hangMs: number;
}

export interface Feed {
  readonly name: string;
  /** The input's; or, of uint8 pictures for an input float32 [rows, 3, R, R]: [rows, R, R, 3], normalised on the device. */
  readonly shape: readonly number[];
  /** Pieces that follow each other in the tensor, copied to pinned memory on the context's thread; not to be changed until done. */
  readonly data: readonly (Uint8Array | Int32Array | BigInt64Array | Float32Array)[];
}

export interface TensorRtContext {
  /**
   * Axis 0 of every feed is the rows, padded to a bucket by the context where that serves; the surplus is never given out.
   * Resolves to the float32 output, rows × width.
   */
  run(feeds: readonly Feed[]): Promise<Float32Array>;
  /** As they are now; read anew at each access. */
  readonly graphs: GraphFigures;
  /** After the run in flight. Idempotent. */
  close(): Promise<void>;
}

/** What became of a context's CUDA graphs. */
export interface GraphFigures {
  readonly captured: number;
  readonly launched: number;
  /** Why runs of some shapes are not captured, a sentence for each; they run without. Empty as a rule. */
  readonly refused: readonly string[];
}

/**
 * `sticky`: the device is lost to this process, which has to end (a CUDA error that every later call repeats). `hung`: as sticky.
 * `memory`: with less work, or later, it may suffice. `shape`: no profile takes it. `plan`: not a plan for this library and
 * device. `unsupported`: the library or device cannot serve. `cancelled`. `failed`: everything else.
 */
export type TensorRtFault =
  | 'sticky'
  | 'hung'
  | 'memory'
  | 'shape'
  | 'plan'
  | 'unsupported'
  | 'cancelled'
  | 'failed';

/** Has the library's or driver's own words in its message. */
export interface TensorRtError extends Error {
  readonly code: TensorRtFault;
}

/** What to load: paths, or names for the system's loader to find. */
export interface TensorRtLibraries {
  readonly major: 10 | 11;
  /** `libnvinfer.so.MAJOR` where absent. */
  readonly infer?: string;
  /** `libnvonnxparser.so.MAJOR` where absent. Where it does not load, plans can be run, not built. */
  readonly parser?: string;
}

/** The exports of a module. */
interface Module extends Pick<TensorRt, 'headers'> {
  /** An empty parser is none. */
  load(libraries: { readonly infer: string; readonly parser: string }): Loaded;
}

interface Loaded extends Omit<TensorRt, 'headers' | 'build'> {
  build(
    job: BuildJob,
    onProgress: BuildHooks['onProgress'],
    onMessage: BuildHooks['onMessage'],
  ): { readonly result: Promise<BuiltPlan>; readonly cancel: () => void };
}

/**
 * Loads driver and libraries, for good: it blocks for as long as they take, a second or more, and may end the process. A process
 * in which a build or run may be in flight ends by `exitNow`.
 *
 * @throws TensorRtError `unsupported`: no module, driver, device or library, or a library that the module must not call
 */
export function openTensorRt(libraries: TensorRtLibraries): TensorRt {
  const { major } = libraries;
  const { headers, load } = requireModule(major);
  const { build, ...loaded } = load({
    infer: libraries.infer ?? `libnvinfer.so.${major}`,
    parser: libraries.parser ?? `libnvonnxparser.so.${major}`,
  });
  const turns = new Map<number, Promise<unknown>>();
  return { ...loaded, headers, build: (job, hooks) => buildInTurn(build, turns, job, hooks) };
}

/** Why a major's module cannot be had, what was tried and what to do; undefined where it can. Loads nothing of TensorRT. */
export function moduleObstacle(major: number): string | undefined {
  try {
    requireModule(major);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function requireModule(major: number): Module {
  try {
    const remedy = `npm run headers && ${BUILD_NATIVE}`;
    return requireBuilt(`tensorrt${major}.node`, `The module for TensorRT ${major}`, remedy) as Module;
  } catch (error) {
    throw fault('unsupported', (error as Error).message);
  }
}

/** Two builds on one device would time each other's kernels. */
function buildInTurn(
  build: Loaded['build'],
  turns: Map<number, Promise<unknown>>,
  job: BuildJob,
  hooks: BuildHooks,
): Promise<BuiltPlan> {
  const cancelled = () => fault('cancelled', `the build of ${job.path} was cancelled`);
  const earlier = turns.get(job.device) ?? Promise.resolve();
  return new Promise((resolve, reject) => {
    // Before its turn there is nothing to stop.
    let cancel = () => reject(cancelled());
    const leave = onAbort(hooks.signal, () => cancel());
    const turn = earlier.then(async () => {
      if (hooks.signal.aborted) throw cancelled();
      const started = build(job, hooks.onProgress, hooks.onMessage);
      cancel = started.cancel;
      return started.result;
    });
    turns.set(
      job.device,
      turn.catch(() => {}),
    );
    turn.finally(leave).then(resolve, reject);
  });
}

function fault(code: TensorRtFault, message: string): TensorRtError {
  return Object.assign(new Error(message), { code });
}
