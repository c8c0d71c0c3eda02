import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { FilesConfig } from './config.ts';

/**
 * Where model files come from as far as the environment says: `CLIP_SERVER_CACHE` (a folder), `CLIP_SERVER_SOURCES`
 * (URLs, separated by commas), `CLIP_SERVER_OFFLINE` and `HF_HUB_OFFLINE` (1, true, yes or on).
 */
export function filesFromEnvironment(environment: Readonly<Record<string, string | undefined>>): FilesConfig {
  const sources = (environment.CLIP_SERVER_SOURCES ?? '')
    .split(',')
    .map((source) => source.trim())
    .filter((source) => source !== '');
  const isOn = (value: string | undefined) => /^(1|true|yes|on)$/i.test(value ?? '');
  return {
    cache: resolve(
      (environment.CLIP_SERVER_CACHE || join('~', '.cache', 'clip')).replace(/^~(?=\/|$)/, homedir()),
    ),
    ...(sources.length > 0 && { sources }),
    offline: isOn(environment.CLIP_SERVER_OFFLINE) || isOn(environment.HF_HUB_OFFLINE),
  };
}
