import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Config, FetchConfig, LogConfig } from './config.ts';
import type { Context } from './context.ts';
import type { EXECUTOR_KEYS } from './keys/executor.ts';
import type { UVICORN_KEYS, WITH_KEYS } from './keys/flow.ts';
import type { GRPC_KEYS } from './keys/grpc.ts';
import { FETCH_KEYS, FILES_KEYS, LIMIT_KEYS, LIMIT_NAMES, snakeCase } from './keys/server.ts';
import type { Limits } from './limits.ts';
import { quote } from './node.ts';
import { type Given, readSection, type Section } from './section.ts';

/** Upstream's own words for some of the limits count where ours are not set. */
export function readLimits(
  server: Section<typeof WITH_KEYS>,
  uvicorn: Section<typeof UVICORN_KEYS>,
  grpc: Section<typeof GRPC_KEYS>,
  { findings }: Context,
): Limits {
  const section = readSection(LIMIT_KEYS, server.get('limits'), server.given('limits')?.key ?? '', findings);
  const upstream: Partial<Record<keyof Limits, number>> = {
    connections: uvicorn.get('limit_concurrency'),
    requestBytes: uvicorn.get('ws_max_size'),
    streams: grpc.get('grpc.max_concurrent_streams'),
    pingMs: grpc.get('grpc.http2.min_ping_interval_without_data_ms'),
    idleMs: grpc.get('grpc.max_connection_idle_ms'),
    heartbeatMs: inMs(uvicorn.get('ws_ping_interval')),
    pongMs: inMs(uvicorn.get('ws_ping_timeout')),
  };
  const value = (name: keyof Limits) =>
    section.given(snakeCase(name))?.value ?? upstream[name] ?? section.get(snakeCase(name));
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, value(name)])) as unknown as Limits;
}

const inMs = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);

export function readFetch(server: Section<typeof WITH_KEYS>, context: Context): FetchConfig {
  const section = readSection(
    FETCH_KEYS,
    server.get('fetch'),
    server.given('fetch')?.key ?? '',
    context.findings,
  );
  const folder = section.get('folder');
  const allow = section.given('allow');
  for (const host of allow?.value ?? []) {
    if (!isHostOrRange(host))
      context.findings.fault(
        allow!.at,
        allow!.key,
        `expected a host, an address or a range such as 10.0.0.0/8, got ${quote(host)}`,
      );
  }
  return {
    enabled: section.get('enabled'),
    folder: folder === undefined ? undefined : context.environment.path(folder, context.cwd),
    allow: section.get('allow'),
    timeoutMs: section.get('timeout_ms'),
    connectMs: section.get('connect_ms'),
    redirects: section.get('redirects'),
    concurrency: section.get('concurrency'),
    perHost: section.get('per_host'),
  };
}

export function readFiles(
  server: Section<typeof WITH_KEYS>,
  context: Context,
): Pick<Config, 'files' | 'engines'> {
  const { environment, variables, findings } = context;
  const section = readSection(FILES_KEYS, server.get('files'), server.given('files')?.key ?? '', findings);
  const sources = section.given('sources') ?? variables.given('CLIP_SERVER_SOURCES');
  for (const url of sources?.value ?? []) checkUrl(url, sources!, context);
  const path = (written: string) => environment.path(written, context.cwd);
  const cache = path(
    section.get('cache') ?? variables.get('CLIP_SERVER_CACHE') ?? join('~', '.cache', 'clip'),
  );
  const engines = section.get('engines') ?? variables.get('CLIP_ENGINE_CACHE');
  const offline =
    section.get('offline') ?? (variables.get('CLIP_SERVER_OFFLINE') || variables.get('HF_HUB_OFFLINE'));
  return {
    files: { cache, sources: sources?.value, offline },
    engines: {
      folder: engines === undefined ? join(cache, 'engines') : path(engines),
      maxBytes: section.get('engines_max_bytes'),
      waitMs: section.get('engines_wait_ms'),
      buildMs: section.get('engines_build_ms'),
    },
  };
}

/** `quiet` anywhere silences; `json` anywhere writes JSON. */
export function readLog(
  server: Section<typeof WITH_KEYS>,
  executors: readonly Section<typeof EXECUTOR_KEYS>[],
  { variables }: Context,
): LogConfig {
  const configs = [server.get('log_config'), ...executors.map((section) => section.get('log_config'))];
  const named = [...configs, variables.get('JINA_LOG_CONFIG') ?? ''];
  const has = (name: string) => named.some((word) => word.toLowerCase() === name);
  const quiet = server.get('quiet') || executors.some((section) => section.get('quiet')) || has('quiet');
  return {
    level: quiet ? 'silent' : variables.get('JINA_LOG_LEVEL'),
    format: has('json') ? 'json' : 'auto',
    healthRequests:
      !variables.get('CICD_JINA_DISABLE_HEALTHCHECK_LOGS') && !variables.get('JINA_DISABLE_HEALTHCHECK_LOGS'),
  };
}

function isHostOrRange(text: string): boolean {
  const [address, prefix, rest] = text.split('/');
  const version = isIP(address!);
  if (prefix === undefined) return version !== 0 || /^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(text);
  return (
    version !== 0 &&
    rest === undefined &&
    /^\d{1,3}$/.test(prefix) &&
    Number(prefix) <= (version === 4 ? 32 : 128)
  );
}

function checkUrl(url: string, given: Given<unknown>, { findings }: Context): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (!['https:', 'http:', 'file:'].includes(protocol))
    findings.fault(given.at, given.key, `expected an http, https or file URL, got ${quote(url)}`);
}
