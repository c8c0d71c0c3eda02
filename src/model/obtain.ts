import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, type FilesConfig } from '../config/config.ts';
import { ClipError } from '../errors.ts';
import { cachePath, cachePaths, findVerified, rememberVerified } from './cache.ts';
import { type CatalogueModel, isPacked, TOWERS } from './catalogue.ts';
import { DOWNLOAD_LIMITS, type DownloadHooks, type DownloadLimits, download, explain } from './download.ts';
import { type LockOptions, withLock } from './lock.ts';
import { fileUrls, printable } from './sources.ts';
import type { Tower } from './tower.ts';

export interface ObtainLimits extends DownloadLimits, LockOptions {}

export const OBTAIN_LIMITS: ObtainLimits = {
  ...DOWNLOAD_LIMITS,
  staleMs: 10_000,
  pollMs: 500,
  waitMs: 6 * 3600 * 1000,
};

export interface ObtainHooks extends DownloadHooks {
  readonly limits: ObtainLimits;
}

/** No published file is so much larger than its weights. */
const SIZE_SLACK = 1.5;

/**
 * Absolute path of a model's verified file: from the cache, from another process that is fetching it, or fetched here.
 * Throws `model_unavailable` where it cannot be had, a ConfigError where it was never published as one file.
 */
export async function obtainTower(
  model: CatalogueModel,
  tower: Tower,
  files: FilesConfig,
  hooks: ObtainHooks,
): Promise<string> {
  if (isPacked(model)) throw new ConfigError(packedMessage(model));
  const { file, approximateBytes, ...checksum } = model.files[tower];
  const label = `${model.name} ${file}`;
  const target = cachePath(files.cache, model, file);
  const cached = () => findVerified(cachePaths(files.cache, model, file), label, checksum, hooks);

  const finish = (path: string) => {
    hooks.progress({ task: label, phase: 'done', done: 0, unit: 'bytes', detail: path });
    return path;
  };
  const found = await cached();
  if (found) return finish(found);
  const urls = reachableUrls(model, file, files, hooks);
  if (urls.length === 0) {
    throw new ClipError('model_unavailable', offlineMessage(label, model, files.cache));
  }
  const wanted = { label, target, checksum, urls, maxBytes: Math.ceil(approximateBytes * SIZE_SLACK) };
  await mkdir(dirname(target), { recursive: true }).catch((thrown: unknown) => {
    throw explain(thrown, wanted);
  });
  const onWait = () =>
    hooks.progress({ task: label, phase: 'waiting', done: 0, unit: 'bytes', detail: `${target}.lock` });
  return withLock(target, hooks.limits, hooks.signal, onWait, async (signal) => {
    const ready = await cached();
    if (ready) return ready;
    await download(wanted, { ...hooks, signal });
    await rememberVerified(target, checksum, hooks.log);
    return target;
  }).then(finish);
}

/** Offline, only mirrors among the machine's own folders. */
function reachableUrls(
  model: CatalogueModel,
  file: string,
  files: FilesConfig,
  { environment }: ObtainHooks,
): URL[] {
  const urls = fileUrls(model, file, files.sources, environment);
  return files.offline ? urls.filter(({ protocol }) => protocol === 'file:') : urls;
}

function offlineMessage(label: string, model: CatalogueModel, cache: string): string {
  const places = TOWERS.map((tower) => {
    const { file, md5 } = model.files[tower];
    const urls = fileUrls(model, file, undefined, {}).map(printable);
    return `  ${cachePath(cache, model, file)} (MD5 ${md5}, from ${urls.join(' or ')})`;
  });
  return (
    `${label} is not in the cache, and the server is offline (files.offline, CLIP_SERVER_OFFLINE or HF_HUB_OFFLINE). ` +
    `The model needs these files:\n${places.join('\n')}`
  );
}

function packedMessage(model: CatalogueModel): string {
  const { file, md5 } = model.files.image;
  const urls = fileUrls(model, file, undefined, {}).map(printable);
  return (
    `model ${model.name}: its image tower was published only as an archive. Fetch ${urls.join(' or ')} (MD5 ${md5}), ` +
    'unpack it into a folder, call the .onnx file in it visual.onnx and leave its other files beside it, put textual.onnx ' +
    `(MD5 ${model.files.text.md5}) there too, and name the folder in model_path.`
  );
}
