import type { Config } from '../../src/config/config.ts';
import { type ReadOptions, readConfig } from '../../src/config/read.ts';

/** A flow as a plain object; JSON is YAML too. */
export type Flow = Record<string, unknown>;

export interface Setting extends ReadOptions {
  readonly env?: NodeJS.ProcessEnv;
}

/** Reads YAML text as `-i` does, in an environment that holds nothing but `env`. */
export function read(text: string | Flow, { env = {}, ...options }: Setting = {}): Promise<Config> {
  const stdin = typeof text === 'string' ? text : JSON.stringify(text);
  const countDevices = () => Promise.reject(new Error('the devices were counted without need'));
  return readConfig({ stdin }, { HOME: '/home/me', ...env }, { countDevices, cwd: '/srv', ...options });
}

/** The smallest flow with one CLIP executor, with more keys for it, for its `uses.with`, and for `with`. */
export function flow({ server = {}, executor = {}, encoder = {} }: Record<string, Flow> = {}): Flow {
  const uses = { jtype: 'CLIPEncoder', with: encoder, metas: { py_modules: ['clip_onnx.py'] } };
  return {
    jtype: 'Flow',
    with: { port: 51000, ...server },
    executors: [{ name: 'clip_o', uses, ...executor }],
  };
}
