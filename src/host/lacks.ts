import { basename, dirname } from 'node:path';
import { cudaText, LEAST_DRIVER } from './driver-version.ts';
import { type Attempt, isLoaded } from './libraries.ts';
import { type GpuFacts, servedInfer } from './report.ts';
import { majorOf, SERVED_VERSIONS, versionText } from './tensorrt-version.ts';

/** What is not there, and what helps; both are clauses. */
export interface Lack {
  readonly reason: string;
  readonly remedy: string;
}

/** TensorRT 10.5 and later run on Turing and what came after it. */
const LEAST_CAPABILITY = 7.5;

/** Some of TensorRT's are marked so, the builder resources of 10.6 among them. */
const LIBRARY_WITHOUT_STACK =
  'a library that asks for no executable stack, which glibc 2.41 and newer do not give: of a newer TensorRT, or by patchelf --clear-execstack FILE';

/** What running plans needs, and is not there. */
export function lacksOfRunner(facts: GpuFacts): Lack[] {
  return [lackOfLibc(facts), lackOfDriver(facts), lackOfInfer(facts)].filter((lack) => lack !== undefined);
}

function lackOfLibc({ glibc }: GpuFacts): Lack | undefined {
  if (glibc !== undefined) return undefined;
  return {
    reason: "the C library is not glibc, which NVIDIA's libraries need",
    remedy: 'a Linux with glibc, such as Debian or Ubuntu; Alpine has musl',
  };
}

function lackOfDriver({ driver }: GpuFacts): Lack | undefined {
  const remedy = "NVIDIA's driver, in a container by the option that passes the GPU on (--gpus all)";
  if ('failure' in driver) return { reason: `the driver does not answer: ${driver.failure}`, remedy };
  const { library, error, gpus } = driver;
  if (library.error !== undefined) return { reason: `no driver (${library.error})`, remedy };
  if (library.version && library.version < LEAST_DRIVER)
    return {
      reason: `the driver is of CUDA ${cudaText(library.version)}, and ${cudaText(LEAST_DRIVER)} or newer is needed`,
      remedy: "NVIDIA's driver 525 or newer",
    };
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
    ? doesNotLoad(fallen.asked, (fallen.failure ?? fallen.error)!, remedy)
    : { reason: 'no libnvinfer', remedy };
}

function doesNotLoad(what: string, why: string, otherwise: string): Lack {
  const asksForStack = /executable stack/i.test(why);
  return {
    reason: `${what} does not load (${why})`,
    remedy: asksForStack ? LIBRARY_WITHOUT_STACK : otherwise,
  };
}

/** Both glibc's and musl's words for a library that is nowhere. */
function isAbsent(error: string): boolean {
  return /no such file/i.test(error);
}

/** What building needs beyond running. */
export function lacksOfBuilder(facts: GpuFacts): Lack[] {
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
  const { builderResources, builderFault } = tensorrt;
  const remedy = `the builder resources of TensorRT ${versionText(infer.version!)}, in the folder of libnvinfer`;
  if (builderFault !== undefined)
    lacks.push(doesNotLoad('libnvinfer_builder_resource', builderFault, remedy));
  else if (builderResources.length === 0)
    lacks.push({ reason: `no libnvinfer_builder_resource beside ${infer.path}`, remedy });
  return lacks;
}

/** Of the same major: from libnvinfer's folder, else another that loads, else what came of the first. */
export function parserOf({ tensorrt }: GpuFacts, infer: Attempt): Attempt | undefined {
  const same = tensorrt.parser.filter(({ asked }) =>
    basename(asked).endsWith(`.so.${majorOf(infer.version!)}`),
  );
  const loaded = same.filter(isLoaded);
  return loaded.find(({ path }) => dirname(path!) === dirname(infer.path!)) ?? loaded[0] ?? same[0];
}
