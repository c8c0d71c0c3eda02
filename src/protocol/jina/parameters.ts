import type { JsonObject } from './document.ts';
import { isObject } from './parse-fields.ts';

export interface EncodeParameters {
  /** Those for this deployment, whatever they are for. */
  readonly own: JsonObject;
  /** Not yet checked: what the client sent, else the deployment's default. */
  readonly accessPaths: unknown;
  readonly dropImageContent: boolean;
}

/** The parameters that the encoder reads, after those meant for this deployment alone are laid over the rest. */
export function encodeParameters(
  parameters: JsonObject,
  deployment: string,
  defaultPaths: string,
): EncodeParameters {
  const own = parametersFor(parameters, deployment);
  // The older name wins where both are given.
  const named = ['traversal_paths', 'access_paths'].find((name) => Object.hasOwn(own, name));
  return {
    own,
    accessPaths: named === undefined ? defaultPaths : own[named],
    dropImageContent: Object.hasOwn(own, 'drop_image_content') && Boolean(own.drop_image_content),
  };
}

/**
 * Jina's two spellings for one deployment's parameters: `clip_t__key: value`, and `clip_t: {key: value}`. Keys for
 * other deployments are left out; a key that starts or ends with two underscores is nobody's.
 */
function parametersFor(parameters: JsonObject, deployment: string): JsonObject {
  const own: [string, unknown][] = [];
  for (const [key, value] of Object.entries(parameters)) {
    const parts = key.split('__');
    const specific = parts.length === 2 && parts[0] !== '' && parts[1] !== '';
    if (!specific) own.push([key, value]);
    else if (parts[0] === deployment) own.push([parts[1]!, value]);
  }
  const nested = Object.hasOwn(parameters, deployment) ? parameters[deployment] : undefined;
  return Object.fromEntries([...own, ...(isObject(nested) ? Object.entries(nested) : [])]);
}
