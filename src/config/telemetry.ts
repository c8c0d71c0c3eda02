import type { ExportTarget, TelemetryConfig } from './config.ts';
import type { Context } from './context.ts';
import type { EXECUTOR_KEYS } from './keys/executor.ts';
import type { WITH_KEYS } from './keys/flow.ts';
import { quote } from './node.ts';
import type { Given, Section } from './section.ts';

const COLLECTOR_PORT = 4317;

interface Keys {
  readonly on: Given<boolean> | undefined;
  readonly host: Given<string> | undefined;
  readonly port: Given<number> | undefined;
}

/** Server and executor are one process, so what either of them asks for is exported for both; the server's keys first. */
export function readTelemetry(
  server: Section<typeof WITH_KEYS>,
  executors: readonly Section<typeof EXECUTOR_KEYS>[],
  context: Context,
): TelemetryConfig {
  const places = [server, ...executors] as Section<typeof WITH_KEYS>[];
  const first = <K extends Parameters<typeof server.given>[0]>(name: K) =>
    places.map((place) => place.given(name)).find((given) => given !== undefined);
  return {
    traces: readTarget(
      {
        on: places.map((place) => place.given('tracing')).find((given) => given?.value),
        host: first('traces_exporter_host'),
        port: first('traces_exporter_port'),
      },
      context,
    ),
    metrics: readTarget(
      {
        on: places.map((place) => place.given('metrics')).find((given) => given?.value),
        host: first('metrics_exporter_host'),
        port: first('metrics_exporter_port'),
      },
      context,
    ),
  };
}

/** The reference exports in plaintext unless it is told otherwise, and so does this. */
function readTarget({ on, host, port }: Keys, { findings }: Context): ExportTarget | undefined {
  if (!on) return undefined;
  if (!host && !port) return {};
  const written = host?.value ?? 'localhost';
  const text = /^[a-z]+:\/\//i.test(written) ? written : `http://${bracketed(written)}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || !/^\/?$/.test(url.pathname) || url.search || url.hash) {
    findings.fault(
      host!.at,
      host!.key,
      `expected a host, or http:// or https:// and a host, got ${quote(written)}`,
    );
    return undefined;
  }
  const named = /:(\d+)\/?$/.exec(text.replace(/^[a-z]+:\/\/(\[[^\]]*\])?/i, ''))?.[1];
  if (named && port && Number(named) !== port.value)
    findings.warn(port.at, port.key, `${host!.key} names port ${named}; ${port.value} counts`);
  return { url: `${url.protocol}//${url.hostname}:${port?.value ?? named ?? COLLECTOR_PORT}` };
}

/** An IPv6 address without brackets. */
const bracketed = (host: string): string =>
  /^[\da-f:]+:[\da-f:]*$/i.test(host) && host.split(':').length > 2 ? `[${host}]` : host;
