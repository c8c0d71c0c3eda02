import { basename, dirname } from 'node:path';
import { type Attempt, isLoaded } from './libraries.ts';
import { type GpuFacts, type HostFacts, servedInfer } from './report.ts';
import { majorOf, SERVED_VERSIONS, versionText } from './tensorrt-version.ts';

/** What follows from a host's facts, a sentence each. */
export interface Verdict {
  /** Whether the host has all that TensorRT needs. No engine was built to see. */
  readonly tensorrt: boolean;
  readonly build: string;
  readonly run: string;
  readonly install: string;
  readonly serving: string;
}

/** What is not there, and what helps; both are clauses. */
interface Lack {
  readonly reason: string;
  readonly remedy: string;
}

/** TensorRT 10.5 and later run on Turing and what came after it. */
const LEAST_CAPABILITY = 7.5;

/** TensorRT's libraries as a serving process opens them. */
export interface FoundTensorRt {
  readonly major: 10 | 11;
  /** Path of libnvinfer. */
  readonly infer: string;
  /** Path of the parser; absent where plans can be run and none can be built. */
  readonly parser?: string;
  /** To come first in the process's LD_LIBRARY_PATH: libnvinfer finds its builder resources by that alone. */
  readonly folder: string;
  /** Why no plan can be built; absent where one can. */
  readonly noBuilder?: string;
}

export function judge(facts: HostFacts): Verdict {
  const [toRun, toBuild] = [lacksOfRunner(facts), lacksOfBuilder(facts)];
  const lacks = [...toRun, ...toBuild];
  return {
    tensorrt: lacks.length === 0,
    build: lacks.length > 0 ? `no: ${reasonsOf(lacks)}` : 'yes, all that TensorRT needs is here',
    run: toRun.length > 0 ? `no: ${reasonsOf(toRun)}` : 'yes, all that TensorRT needs is here',
    install: lacks.length > 0 ? lacks.map(({ remedy }) => remedy).join('; ') : 'nothing',
    serving: servingOf(facts, toRun, toBuild),
  };
}

/** What TensorRT would be opened with, or what the host lacks, a clause. */
export function tensorRtOf(facts: GpuFacts): FoundTensorRt | { readonly lacking: string } {
  const toRun = lacksOfRunner(facts);
  if (toRun.length > 0) return { lacking: reasonsOf(toRun) };
  const infer = servedInfer(facts.tensorrt)!;
  const toBuild = lacksOfBuilder(facts);
  const found = { major: majorOf(infer.version!), infer: infer.path!, folder: dirname(infer.path!) };
  if (toBuild.length > 0) return { ...found, noBuilder: reasonsOf(toBuild) };
  return { ...found, parser: parserOf(facts, infer)!.path! };
}

/** The environment of a process that opens them. */
export function withLibraries(
  environment: NodeJS.ProcessEnv,
  { folder }: Pick<FoundTensorRt, 'folder'>,
): NodeJS.ProcessEnv {
  const { LD_LIBRARY_PATH: path } = environment;
  return { ...environment, LD_LIBRARY_PATH: path ? `${folder}:${path}` : folder };
}

function reasonsOf(lacks: readonly Lack[]): string {
  return lacks.map(({ reason }) => reason).join('; ');
}

function servingOf({ onnxRuntime }: HostFacts, toRun: readonly Lack[], toBuild: readonly Lack[]): string {
  const { cpu, cuda } = onnxRuntime;
  const device = cuda.works ? 'on CUDA or the CPU' : 'on the CPU';
  const other = cpu.works ? `ONNX Runtime, ${device}` : 'ONNX Runtime, which does not work here';
  if (toRun.length > 0) return other;
  const which = toBuild.length > 0 ? ' whose engines were built elsewhere' : '';
  return `TensorRT for clip_tensorrt flows${which}; for all others ${other}`;
}

function lacksOfRunner(facts: GpuFacts): Lack[] {
  return [lackOfDriver(facts), lackOfInfer(facts)].filter((lack) => lack !== undefined);
}

function lackOfDriver({ driver }: GpuFacts): Lack | undefined {
  const remedy = "NVIDIA's driver, in a container by the option that passes the GPU on (--gpus all)";
  if ('failure' in driver) return { reason: `the driver does not answer: ${driver.failure}`, remedy };
  const { library, error, gpus } = driver;
  if (library.error !== undefined) return { reason: `no driver (${library.error})`, remedy };
  if (error !== undefined || gpus.length === 0)
    return {
      reason: `the driver shows no GPU${error === undefined ? '' : ` (${error})`}`,
      remedy: 'a GPU that the driver shows and CUDA_VISIBLE_DEVICES does not hide',
    };
  if (gpus.some(({ computeCapability }) => Number(computeCapability) >= LEAST_CAPABILITY)) return undefined;
  const reason = `no GPU of compute capability ${LEAST_CAPABILITY} or more`;
  return { reason, remedy: 'a GPU of the Turing generation or a newer one' };
}

function lackOfInfer({ tensorrt }: GpuFacts): Lack | undefined {
  const served = servedInfer(tensorrt);
  if (served && tensorrt.moduleObstacle === undefined) return undefined;
  if (served)
    return {
      reason: `this server has no module for TensorRT ${majorOf(served.version!)}`,
      remedy: 'the module, by npm run headers && npm run build:native in a clone',
    };
  const loaded = tensorrt.infer.filter(isLoaded);
  const remedy = `TensorRT ${SERVED_VERSIONS}: libnvinfer and libnvonnxparser, of one version`;
  const others = loaded.map(({ version }) => versionText(version ?? 0));
  if (others.length > 0) return { reason: `TensorRT ${others.join(' and ')} is not served`, remedy };
  const fallen = tensorrt.infer.find(({ error, failure }) => failure !== undefined || !isAbsent(error ?? ''));
  return fallen
    ? { reason: `${fallen.asked} does not load (${fallen.failure ?? fallen.error})`, remedy }
    : { reason: 'no libnvinfer', remedy };
}

/** Both glibc's and musl's words for a library that is nowhere. */
function isAbsent(error: string): boolean {
  return /no such file/i.test(error);
}

/** What building needs beyond running. */
function lacksOfBuilder(facts: GpuFacts): Lack[] {
  const { tensorrt } = facts;
  const infer = servedInfer(tensorrt);
  if (!infer) return [];
  const parser = parserOf(facts, infer);
  const lacks: Lack[] = [];
  if (!parser || !isLoaded(parser))
    lacks.push({
      reason: `no parser (${parser?.failure ?? parser?.error})`,
      remedy: `libnvonnxparser.so.${majorOf(infer.version!)} of TensorRT ${versionText(infer.version!)}`,
    });
  if (tensorrt.builderResources.length === 0)
    lacks.push({
      reason: `no libnvinfer_builder_resource beside ${infer.path}`,
      remedy: `the builder resources of TensorRT ${versionText(infer.version!)}, in the folder of libnvinfer`,
    });
  return lacks;
}

/** Of the same major: from libnvinfer's folder, else another that loads, else what came of the first. */
function parserOf({ tensorrt }: GpuFacts, infer: Attempt): Attempt | undefined {
  const same = tensorrt.parser.filter(({ asked }) =>
    basename(asked).endsWith(`.so.${majorOf(infer.version!)}`),
  );
  const loaded = same.filter(isLoaded);
  return loaded.find(({ path }) => dirname(path!) === dirname(infer.path!)) ?? loaded[0] ?? same[0];
}
