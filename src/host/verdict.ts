import { dirname } from 'node:path';
import { type Lack, lacksOfBuilder, lacksOfRunner, parserOf } from './lacks.ts';
import { type GpuFacts, type HostFacts, servedInfer } from './report.ts';
import { majorOf } from './tensorrt-version.ts';

/** What follows from a host's facts, a sentence each. */
export interface Verdict {
  /** Whether the host has all that TensorRT needs. No engine was built to see. */
  readonly tensorrt: boolean;
  readonly build: string;
  readonly run: string;
  readonly install: string;
  readonly serving: string;
}

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
