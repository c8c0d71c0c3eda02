import type { Runtime } from './config.ts';
import type { Context } from './context.ts';
import { type EXECUTOR_KEYS, METAS_KEYS, type USES_KEYS } from './keys/executor.ts';
import { type MapNode, quote, type ScalarNode } from './node.ts';
import { type Given, readSection, type Section } from './section.ts';

const MODULES: ReadonlyMap<string, Runtime> = new Map([
  ['clip_torch', 'torch'],
  ['clip_hg', 'torch'],
  ['clip_onnx', 'onnx'],
  ['clip_tensorrt', 'tensorrt'],
]);

/** The classes that this server stands for, with the runtime where the name alone tells it. */
export const CLASSES: ReadonlyMap<string, Runtime | undefined> = new Map([
  ['CLIPEncoder', undefined],
  ['CLIPTorchEncoder', 'torch'],
  ['CLIPOnnxEncoder', 'onnx'],
  ['CLIPTensorrtEncoder', 'tensorrt'],
]);

/** What `uses` names, before its map is read. */
export interface Resolved {
  /** The class, where the map does not say it. */
  readonly name: string;
  readonly map?: MapNode;
  readonly runtime?: Runtime;
}

/** Hub names and images hold the same encoder; here they tell the runtime and nothing more. */
export function fromImage(text: string, node: ScalarNode, key: string, { findings }: Context): Resolved {
  const hub = /^(?:jinahub(?:\+\w+)?:\/\/|jinaai(?:\+\w+)?:\/\/[\w.-]+\/)(\w+)/.exec(text)?.[1];
  const image = /^docker:\/\/(?:[\w.-]+\/)*clip[_-](?:executor|server)(?::([\w.-]+))?$/.exec(text);
  const runtime = image ? runtimeOfTag(image[1] ?? '') : CLASSES.get(hub ?? '');
  if (runtime)
    findings.warn(node.at, key, `${quote(text)} is not loaded; its encoder runs here, as clip_${runtime}`);
  return { name: hub ?? (image ? 'CLIPEncoder' : text), runtime };
}

function runtimeOfTag(tag: string): Runtime {
  if (tag.includes('onnx')) return 'onnx';
  return tag.includes('tensorrt') ? 'tensorrt' : 'torch';
}

/**
 * The runtime that `py_modules` names, wherever it stands: `executors/clip_onnx.py` and `clip_server.executors.clip_onnx`
 * are the same module. Without modules it is that of the class, else that of clip_torch, with a warning.
 */
export function runtimeOf(
  item: Section<typeof EXECUTOR_KEYS>,
  uses: Section<typeof USES_KEYS>,
  ofClass: Runtime | undefined,
  { at, key }: Given<unknown>,
  context: Context,
): Runtime {
  const { findings } = context;
  const metas = readMetas(item, uses, key, context);
  const lists = [metas.given('py_modules'), uses.given('py_modules'), item.given('py_modules')];
  const modules = lists.flatMap((given) => (given ? given.value.map((value) => ({ ...given, value })) : []));
  if (modules.length === 0 && ofClass === undefined)
    findings.warn(at, key, 'no py_modules, so the runtime is that of clip_torch');
  let runtime: Runtime | undefined;
  for (const module of modules) {
    const found = MODULES.get(lastPart(module.value));
    const named = [...MODULES.keys()].join(', ');
    if (found === undefined)
      findings.fault(module.at, module.key, `expected a module named ${named}, got ${quote(module.value)}`);
    else if (runtime !== undefined && runtime !== found)
      findings.fault(module.at, module.key, `expected one runtime, got clip_${runtime} and clip_${found}`);
    runtime ??= found;
  }
  return runtime ?? ofClass ?? 'torch';
}

function readMetas(
  item: Section<typeof EXECUTOR_KEYS>,
  uses: Section<typeof USES_KEYS>,
  path: string,
  { findings }: Context,
): Section<typeof METAS_KEYS> {
  const misplaced = item.given('metas');
  if (misplaced) findings.warn(misplaced.at, misplaced.key, 'taken as uses.metas, where upstream ignores it');
  const over = item.given('uses_metas');
  return readSection(METAS_KEYS, over?.value, over?.key ?? path, findings)
    .over(readSection(METAS_KEYS, misplaced?.value, misplaced?.key ?? path, findings))
    .over(readSection(METAS_KEYS, uses.get('metas'), `${path}.metas`, findings));
}

const lastPart = (module: string): string => {
  const parts = module.replace(/\.py$/, '').split(/[./\\]/);
  return parts[parts.length - 1]!;
};
