import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError } from '../../config/config.ts';
import { countCudaDevices } from '../../config/devices.ts';
import { readConfig } from '../../config/read.ts';
import { ClipError } from '../../errors.ts';
import { resolveModel } from '../../model/catalogue.ts';
import { type Embedder, MOST_IMAGE_BYTES } from './embedder.ts';

/** Options of the commands that embed, as `parseArgs` takes them. */
export const EMBEDDER_OPTIONS = {
  model: { type: 'string' },
  server: { type: 'string' },
  ca: { type: 'string' },
} as const;

export const EMBEDDER_USAGE = `  --model NAME|DIR      default ViT-B-32::openai, fetched once; "demo" is the small model that comes with clip-server,
                        which knows emoji and hardly any photographs, and is never taken unless it is named
  --server URL          let a running server embed instead: grpc, grpcs, http, https, ws or wss
  --ca FILE             certificates to trust instead of the system's, in PEM`;

export interface EmbedderFlags {
  readonly model?: string | undefined;
  readonly server?: string | undefined;
  readonly ca?: string | undefined;
}

const DEFAULT_MODEL = 'ViT-B-32::openai';
const DEMO_MODEL = fileURLToPath(new URL('../../../models/emoji-clip', import.meta.url));
/** The pictures are the user's own, and one command works at a time: more is let in than by a server. */
const LIMITS = { image_bytes: MOST_IMAGE_BYTES, image_pixels: 120_000_000, pixels_in_flight: 120_000_000 };

/** @throws ConfigError; ClipError model_unavailable, model_invalid, engine_failed */
export async function openEmbedder(flags: EmbedderFlags, signal: AbortSignal): Promise<Embedder> {
  const { model, server, ca } = flags;
  if (server !== undefined) {
    if (model !== undefined)
      throw new ConfigError('--server and --model: expected one of them, for the server has its model');
    const { openServerEmbedder } = await import('./server.ts');
    return openServerEmbedder(server, ca, signal);
  }
  if (ca !== undefined) throw new ConfigError('--ca: expected --server beside it, got none');
  const config = await configOf(model ?? DEFAULT_MODEL);
  const { openLocalEmbedder } = await import('./local.ts');
  try {
    return await openLocalEmbedder(config, signal);
  } catch (error) {
    if (!(error instanceof ClipError) || error.code !== 'model_unavailable') throw error;
    const hint = 'Without a network, --model demo takes the small model that comes with clip-server.';
    throw new ClipError(error.code, `${error.message}\n${hint}`, { cause: error });
  }
}

/** That of an ONNX flow of this model alone. */
async function configOf(model: string): Promise<Config> {
  const uses = { jtype: 'CLIPEncoder', metas: { py_modules: ['clip_server.executors.clip_onnx'] } };
  const flow = { jtype: 'Flow', with: { limits: LIMITS }, executors: [{ uses }] };
  const config = await readConfig({ argument: JSON.stringify(flow) }, process.env);
  // As `serve` does, before anything reads them.
  Object.assign(process.env, config.environment);
  const { executor } = config;
  // Without a GPU nobody wonders that none is used.
  const kind = (await countCudaDevices(process.env)) > 0 ? executor.device.kind : 'cpu';
  const device = { ...executor.device, kind };
  return { ...config, executor: { ...executor, device, ...(await wantedModel(model)) } };
}

/** A folder comes before a model's name. */
async function wantedModel(model: string): Promise<Pick<Config['executor'], 'model' | 'modelPath'>> {
  const folder = model === 'demo' ? DEMO_MODEL : resolve(model);
  const info = await stat(folder).catch(() => undefined);
  if (info?.isDirectory()) return { model: folder, modelPath: folder };
  if (model === 'demo')
    throw new ConfigError(`--model demo: expected the model at ${folder}, where there is none`);
  if (info || /^[./~]/.test(model))
    throw new ConfigError(`--model ${model}: expected a model's name or a folder with its files`);
  return { model: resolveModel(model).name };
}
