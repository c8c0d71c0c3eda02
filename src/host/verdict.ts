import { dirname } from 'node:path';
import { isLoaded } from './libraries.ts';
import { type HostFacts, servedInfer } from './report.ts';
import { isServed, SERVED_VERSIONS, versionText } from './tensorrt-version.ts';

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

export function judge(facts: HostFacts): Verdict {
  const toRun = [lackOfDriver(facts), lackOfInfer(facts)].filter((lack) => lack !== undefined);
  const toBuild = [...toRun, ...lacksOfBuilder(facts)];
  const reasons = (lacks: readonly Lack[]) => lacks.map(({ reason }) => reason).join('; ');
  return {
    tensorrt: toBuild.length === 0,
    build: toBuild.length > 0 ? `no: ${reasons(toBuild)}` : 'yes, all that TensorRT needs is here',
    run: toRun.length > 0 ? `no: ${reasons(toRun)}` : 'yes, all that TensorRT needs is here',
    install: toBuild.length > 0 ? toBuild.map(({ remedy }) => remedy).join('; ') : 'nothing',
    serving: servingOf(facts),
  };
}

function servingOf({ onnxRuntime }: HostFacts): string {
  const { cpu, cuda } = onnxRuntime;
  if (!cpu.works) return 'this version serves with ONNX Runtime, which does not work here';
  const device = cuda.works ? 'CUDA or the CPU' : 'the CPU';
  return `this version serves with ONNX Runtime, on ${device}; it has no TensorRT engine yet`;
}

function lackOfDriver({ driver }: HostFacts): Lack | undefined {
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

function lackOfInfer({ tensorrt }: HostFacts): Lack | undefined {
  if (servedInfer(tensorrt)) return undefined;
  const loaded = tensorrt.infer.filter(isLoaded);
  const beyond = loaded.find(({ version }) => isServed(version ?? 0));
  if (beyond)
    return {
      reason: `the loader does not find ${beyond.path} by itself`,
      remedy: `LD_LIBRARY_PATH=${dirname(beyond.path!)} before the start`,
    };
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
function lacksOfBuilder({ tensorrt }: HostFacts): Lack[] {
  const infer = servedInfer(tensorrt);
  if (!infer) return [];
  const parserName = infer.asked.replace('libnvinfer', 'libnvonnxparser');
  const parser = tensorrt.parser.find(({ asked }) => asked === parserName);
  const lacks: Lack[] = [];
  if (!parser || !isLoaded(parser))
    lacks.push({
      reason: `no parser (${parser?.failure ?? parser?.error})`,
      remedy: `${parserName} of TensorRT ${versionText(infer.version!)}`,
    });
  if (tensorrt.builderResources.length === 0)
    lacks.push({
      reason: `no libnvinfer_builder_resource beside ${infer.path}`,
      remedy: `the builder resources of TensorRT ${versionText(infer.version!)}, in the folder of libnvinfer`,
    });
  return lacks;
}
