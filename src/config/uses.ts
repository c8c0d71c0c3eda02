import { ConfigError, type Runtime } from './config.ts';
import type { Context } from './context.ts';
import { ENCODER_KEYS, type EXECUTOR_KEYS, USES_KEYS } from './keys/executor.ts';
import { homeOf } from './keys.ts';
import { describe, isNull, type MapNode, type Node, type Place, quote, type ScalarNode } from './node.ts';
import { CLASSES, fromImage, type Resolved, runtimeOf } from './runtime.ts';
import { type Given, readSection, type Section } from './section.ts';
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
  if (uses === undefined) {
    findings.fault(at, `${label}.uses`, 'expected CLIPEncoder, got nothing');
    return undefined;
  }
  const path = uses.key;
  const resolved = await resolve(uses, context);
  if (resolved === undefined) return undefined;
  const section = readSection(USES_KEYS, resolved.map, path, findings, homeOf);
  const name = section.get('jtype') ?? resolved.map?.tag ?? resolved.name;
  if (!CLASSES.has(name)) {
    const executor = quote(item.get('name') ?? label);
    const got = `got ${quote(name)} for the executor ${executor}: this server runs no other executor`;
    findings.fault(uses.at, path, `expected CLIPEncoder, ${got}`);
    return undefined;
  }
  const read = (node: MapNode | undefined, key: string) =>
    readSection(ENCODER_KEYS, node, key, findings, homeOf);
  const misplaced = item.given('with');
  if (misplaced)
    findings.warn(misplaced.at, misplaced.key, `taken as ${label}.uses.with, where upstream ignores it`);
  return {
    runtime: resolved.runtime ?? runtimeOf(item, section, CLASSES.get(name), uses, context),
    encoder: read(item.get('uses_with'), `${label}.uses_with`)
      .over(read(misplaced?.value, `${label}.with`))
      .over(read(section.get('with'), `${path}.with`)),
    requests: [section.given('requests'), item.given('uses_requests')].flatMap((given) =>
      given ? [{ key: given.key, map: given.value }] : [],
    ),
  };
}

async function resolve(uses: Given<Node>, context: Context): Promise<Resolved | undefined> {
  const { value: node, at, key } = uses;
  if (node.kind === 'map') return { name: 'a map without jtype', map: node };
  if (node.kind === 'list') {
    context.findings.fault(at, key, 'expected CLIPEncoder, got a list');
    return undefined;
  }
  const text = node.text.trim();
  if (node.tag !== undefined && (text === '' || isNull({ ...node, tag: undefined })))
    return { name: node.tag };
  if (/^[A-Za-z_]\w*$/.test(text)) return { name: text };
  if (/^[\w+]+:\/\//.test(text)) return fromImage(text, node, key, context);
  try {
    return await fromText(text, node, key, context);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.findings.fault(at, key, error.message);
    return undefined;
  }
}

/** YAML or JSON, written here or in a file beside the flow, in the working directory, or in the package. */
async function fromText(
  text: string,
  node: ScalarNode,
  key: string,
  context: Context,
): Promise<Resolved | undefined> {
  const { findings, environment, directory, cwd, signal } = context;
  const inline = /\n|^[{!]|^jtype\s*:/.test(text);
  const places = [...new Set([directory, cwd, BUILT_IN_FOLDER])];
  const file = inline ? undefined : await findFile(text, places);
  if (!inline && file === undefined) {
    const searched = `no such file in ${places.join(', ')}`;
    findings.fault(node.at, key, `expected CLIPEncoder or a YAML file, got ${quote(text)}; ${searched}`);
    return undefined;
  }
  const origin = file ?? `${node.at.origin}:${node.at.line}: ${key}`;
  const map = parseYaml(file === undefined ? text : await readText(file, signal), origin, findings);
  substitute(map, environment.all, findings);
  if (map.kind === 'map') return { name: 'a map without jtype', map };
  if (map.kind === 'scalar' && map.tag !== undefined) return { name: map.tag };
  findings.fault(node.at, key, `expected a map in ${origin}, got ${describe(map)}`);
  return undefined;
}
