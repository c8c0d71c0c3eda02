import type { Runtime } from './config.ts';
import type { Context } from './context.ts';
import { ENCODER_KEYS, type EXECUTOR_KEYS, METAS_KEYS, USES_KEYS } from './keys/executor.ts';
import { homeOf } from './keys.ts';
import { describe, isNull, type MapNode, type Node, type Place, quote, type ScalarNode } from './node.ts';
import { readSection, type Section } from './section.ts';
import { BUILT_IN_FOLDER, findFile, readText } from './source.ts';
import { substitute } from './substitute.ts';
import { parseYaml } from './yaml.ts';

export type Encoder = Section<typeof ENCODER_KEYS>;

/** What an item of `executors` runs. */
export interface Uses {
  readonly runtime: Runtime;
  readonly encoder: Encoder;
  /** Endpoint → method, as written; later maps come before earlier ones. */
  readonly requests: readonly { readonly key: string; readonly map: MapNode }[];
}

const MODULES: Readonly<Record<string, Runtime>> = {
  clip_torch: 'torch',
  clip_hg: 'torch',
  clip_onnx: 'onnx',
  clip_tensorrt: 'tensorrt',
};

/** A class by name, with the runtime where the name alone tells it. */
const CLASSES: Readonly<Record<string, Runtime | undefined>> = {
  CLIPEncoder: undefined,
  CLIPTorchEncoder: 'torch',
  CLIPOnnxEncoder: 'onnx',
  CLIPTensorrtEncoder: 'tensorrt',
};

interface Resolved {
  readonly name: string;
  readonly map?: MapNode;
  readonly runtime?: Runtime;
}

/**
 * Reads every form of `uses`: a map, a class name or tag, YAML or JSON text, a YAML file, a Hub name, a Docker image.
 * Gives undefined, and a fault, where it is no CLIP encoder.
 */
export async function readUses(
  item: Section<typeof EXECUTOR_KEYS>,
  label: string,
  at: Place,
  context: Context,
): Promise<Uses | undefined> {
  const { findings } = context;
  const uses = item.given('uses');
  const path = uses?.key ?? `${label}.uses`;
  const resolved = uses && (await resolve(uses.value, path, context));
  if (resolved === undefined) {
    if (uses === undefined) findings.fault(at, path, 'expected CLIPEncoder, got nothing');
    return undefined;
  }
  const section = readSection(USES_KEYS, resolved.map, path, findings, homeOf);
  const name = section.get('jtype') ?? resolved.map?.tag ?? resolved.name;
  if (!Object.hasOwn(CLASSES, name)) {
    const executor = item.get('name') ?? label;
    findings.fault(
      uses!.at,
      path,
      `expected CLIPEncoder, got ${quote(name)} for the executor ${quote(executor)}: this server runs no other executor`,
    );
    return undefined;
  }
  const runtime = resolved.runtime ?? runtimeOf(item, section, path, context) ?? CLASSES[name];
  if (runtime === undefined)
    findings.warn(uses!.at, path, 'no py_modules, so the runtime is that of clip_torch');
  const read = (node: MapNode | undefined, key: string) =>
    readSection(ENCODER_KEYS, node, key, findings, homeOf);
  const misplaced = item.given('with');
  if (misplaced)
    findings.warn(misplaced.at, misplaced.key, `taken as ${label}.uses.with, where upstream ignores it`);
  return {
    runtime: runtime ?? 'torch',
    encoder: read(item.get('uses_with'), `${label}.uses_with`)
      .over(read(misplaced?.value, `${label}.with`))
      .over(read(section.get('with'), `${path}.with`)),
    requests: [section.given('requests'), item.given('uses_requests')].flatMap((given) =>
      given ? [{ key: given.key, map: given.value }] : [],
    ),
  };
}

async function resolve(node: Node, key: string, context: Context): Promise<Resolved | undefined> {
  if (node.kind === 'map') return { name: 'a map without jtype', map: node };
  if (node.kind === 'list') {
    context.findings.fault(node.at, key, 'expected CLIPEncoder, got a list');
    return undefined;
  }
  if (node.tag !== undefined && (node.text === '' || isNull({ ...node, tag: undefined })))
    return { name: node.tag };
  const text = node.text.trim();
  if (/^[A-Za-z_]\w*$/.test(text)) return { name: text };
  if (/\n|^[{!]|^jtype\s*:/.test(text))
    return fromText(text, `${node.at.origin}:${node.at.line}: ${key}`, node, key, context);
  if (/^[\w+]+:\/\//.test(text)) return fromImage(text, node, key, context);
  const file = await findFile(text, [context.directory, context.cwd, BUILT_IN_FOLDER]);
  if (file !== undefined) return fromText(await readText(file, context.signal), file, node, key, context);
  const searched = [...new Set([context.directory, context.cwd, BUILT_IN_FOLDER])].join(', ');
  context.findings.fault(
    node.at,
    key,
    `expected CLIPEncoder or a YAML file, got ${quote(text)}; no such file in ${searched}`,
  );
  return undefined;
}

function fromText(
  text: string,
  origin: string,
  node: ScalarNode,
  key: string,
  { findings, environment }: Context,
): Resolved | undefined {
  const map = parseYaml(text, origin, findings);
  substitute(map, environment.all, findings);
  if (map.kind === 'map') return { name: 'a map without jtype', map };
  if (map.kind === 'scalar' && map.tag !== undefined) return { name: map.tag };
  findings.fault(node.at, key, `expected a map in ${origin}, got ${describe(map)}`);
  return undefined;
}

/** Hub names and images hold the same encoder; here they only tell the runtime. */
function fromImage(text: string, node: ScalarNode, key: string, { findings }: Context): Resolved {
  const hub = /^(?:jinahub|jinaai)(?:\+docker|\+sandbox)?:\/\/(?:[\w.-]+\/)?(\w+)/.exec(text)?.[1];
  const image = /^docker:\/\/(?:[\w.-]+\/)*clip[_-](?:executor|server)(?::([\w.-]+))?$/.exec(text);
  const name = hub ?? (image ? 'CLIPEncoder' : text);
  const tag = image?.[1] ?? '';
  const tagged = /onnx/.test(tag) ? 'onnx' : /tensorrt/.test(tag) ? 'tensorrt' : 'torch';
  const runtime = image ? tagged : Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (image || runtime)
    findings.warn(node.at, key, `${quote(text)} is not loaded; its encoder runs here, as clip_${runtime}`);
  return { name, runtime };
}

/** `executors/clip_onnx.py` and `clip_server.executors.clip_onnx` are the same module. */
function runtimeOf(
  item: Section<typeof EXECUTOR_KEYS>,
  uses: Section<typeof USES_KEYS>,
  path: string,
  { findings }: Context,
): Runtime | undefined {
  const misplaced = item.given('metas');
  if (misplaced) findings.warn(misplaced.at, misplaced.key, 'taken as uses.metas, where upstream ignores it');
  const over = item.given('uses_metas');
  const metas = readSection(METAS_KEYS, over?.value, over?.key ?? path, findings)
    .over(readSection(METAS_KEYS, misplaced?.value, misplaced?.key ?? path, findings))
    .over(readSection(METAS_KEYS, uses.get('metas'), `${path}.metas`, findings));
  let runtime: Runtime | undefined;
  for (const modules of [metas.given('py_modules'), uses.given('py_modules'), item.given('py_modules')]) {
    for (const module of modules?.value ?? []) {
      const found =
        MODULES[
          module
            .replace(/\.py$/, '')
            .split(/[./\\]/)
            .at(-1)!
        ];
      if (found === undefined)
        findings.fault(
          modules!.at,
          modules!.key,
          `expected a module named ${Object.keys(MODULES).join(', ')}, got ${quote(module)}`,
        );
      else if (runtime !== undefined && runtime !== found)
        findings.fault(
          modules!.at,
          modules!.key,
          `expected one runtime, got clip_${runtime} and clip_${found}`,
        );
      runtime ??= found;
    }
  }
  return runtime;
}
