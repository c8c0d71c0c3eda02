import { cudaText } from '../host/driver-version.ts';
import type { Attempt } from '../host/libraries.ts';
import type { HostFacts } from '../host/report.ts';
import { isServed, versionText } from '../host/tensorrt-version.ts';
import type { Verdict } from '../host/verdict.ts';
import { megabytes } from './progress.ts';

type Row = readonly [name: string, ...lines: string[]];

/** A page for people: a name, then what was found. */
export function describeHost(program: string, facts: HostFacts, verdict: Verdict): string {
  const { node, platform, glibc, processor, onnxRuntime } = facts;
  const rows: Row[] = [
    ['host', `Node.js ${node}, ${platform}, ${glibc ? `glibc ${glibc}` : 'no glibc'}`],
    ['processor', `${processor.model}, ${processor.threads} threads`],
    ['resize', processor.error ?? processor.kernels.join(', ')],
    ...driverRows(facts),
    ...tensorRtRows(facts),
    [
      'ONNX Runtime',
      onnxRuntime.version,
      ...(['cpu', 'cuda'] as const).map((name) => describeProvider(name, onnxRuntime[name])),
    ],
    ['can build', verdict.build],
    ['can run', verdict.run],
    ['to install', verdict.install],
    ['serving', verdict.serving],
  ];
  const indent = Math.max(...rows.map(([name]) => name.length)) + 4;
  const lines = rows.flatMap(([name, ...all]) =>
    all.map((line, at) => `  ${at === 0 ? name : ''}`.padEnd(indent) + line),
  );
  return [program, ...lines].join('\n');
}

function describeProvider(name: string, { works, error }: HostFacts['onnxRuntime']['cpu']): string {
  return `${name}: ${works ? 'works' : error}`;
}

function driverRows({ driver }: HostFacts): Row[] {
  if ('failure' in driver) return [['driver', `no answer: ${driver.failure}`]];
  const { library, error, gpus } = driver;
  if (library.error !== undefined) return [['driver', `none: ${library.error}`]];
  const { version } = library;
  const api = version ? `, CUDA ${cudaText(version)}` : '';
  const described = gpus.map(
    ({ name, computeCapability, memoryBytes }) =>
      `${name}, compute capability ${computeCapability}, ${megabytes(memoryBytes)}`,
  );
  return [
    ['driver', `${library.path}${api}`, ...(error === undefined ? [] : [error])],
    ['GPUs', ...(described.length > 0 ? described : ['none'])],
  ];
}

function tensorRtRows({ tensorrt }: HostFacts): Row[] {
  const { infer, parser, libraryPath, folders, builderResources, builderFault } = tensorrt;
  return [
    ['TensorRT', ...infer.map(describeInfer)],
    ['parser', ...parser.map(describeAttempt)],
    ['builder', builderResources.join(', ') || (builderFault ?? 'none')],
    [
      'looked in',
      `LD_LIBRARY_PATH: ${libraryPath.join(':') || 'not set'}`,
      "the loader's cache and folders",
      ...folders,
    ],
  ];
}

function describeInfer(attempt: Attempt): string {
  const { version } = attempt;
  if (version === undefined) return describeAttempt(attempt);
  return `${describeAttempt(attempt)}, version ${versionText(version)}, ${isServed(version) ? '' : 'not '}served`;
}

function describeAttempt({ asked, path, error, failure }: Attempt): string {
  if (failure !== undefined) return `${asked}: ${failure}`;
  if (error !== undefined) return error.includes(asked) ? error : `${asked}: ${error}`;
  return path === asked ? asked : `${asked}: ${path}`;
}
