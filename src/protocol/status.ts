import { randomUUID } from 'node:crypto';
import { arch, platform, release, version as systemVersion } from 'node:os';
import { ClipError } from '../errors.ts';
import { type Status, statusOf } from './jina/status.ts';
import type { Site } from './site.ts';

const SESSION = randomUUID();
const STARTED = new Date().toISOString();
/** Packages of the reference that this server does without; tools print them by these names. */
const ABSENT = [
  'docarray',
  'jcloud',
  'jina-hubble-sdk',
  'jina-proto',
  'protobuf',
  'proto-backend',
  'grpcio',
  'pyyaml',
  'python',
  'ci-vendor',
];
/** Variables that this server honours. Others may hold secrets and are never shown. */
const SHOWN = ['JINA_DEFAULT_HOST', 'JINA_LOG_LEVEL', 'JINA_LOG_NO_COLOR'];

/** `/status`: the reference's keys, all values strings. */
export function versions({ version, service }: Pick<Site, 'version' | 'service'>): {
  jina: Record<string, string>;
  envs: Record<string, string>;
} {
  const { model, runtime, device, precision, recipe, logitScale, notTensorRt } = service.describe();
  return {
    jina: {
      jina: `clip-server ${version}`,
      ...Object.fromEntries(ABSENT.map((name) => [name, '(unset)'])),
      node: process.version,
      platform: platform(),
      'platform-release': release(),
      'platform-version': systemVersion(),
      architecture: arch(),
      processor: arch(),
      uid: String(process.pid),
      'session-id': SESSION,
      uptime: STARTED,
      internal: 'False',
      model,
      runtime,
      device,
      precision,
      'logit-scale': String(logitScale),
      ...(recipe !== undefined && { recipe }),
      ...(notTensorRt !== undefined && { 'not-tensorrt': notTensorRt }),
    },
    envs: Object.fromEntries(SHOWN.map((name) => [name, process.env[name] ?? '(unset)'])),
  };
}

/** `/dry_run`: HTTP 200 either way; the code tells. */
export function dryRun({
  health,
}: Pick<Site, 'health'>): Status | { code: 0; description: ''; exception: null } {
  const { ready, reasons } = health.ready();
  if (ready) return { code: 0, description: '', exception: null };
  return statusOf(new ClipError('not_ready', reasons.join('; ')));
}
