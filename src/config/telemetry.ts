import type { ExportTarget, TelemetryConfig } from './config.ts';
import type { Context } from './context.ts';
import type { TELEMETRY_KEYS } from './keys/telemetry.ts';
import { quote } from './node.ts';
import type { Given, Section } from './section.ts';

const COLLECTOR_PORT = 4317;

type Keys = Section<typeof TELEMETRY_KEYS>;

/**
 * Server and executor are one process, so what either of them asks for is exported for both.
 *
 * @param places where the keys may stand; the first that sets a host or a port counts
 */
export function readTelemetry(places: readonly Keys[], { findings }: Context): TelemetryConfig {
  const read = (on: 'tracing' | 'metrics', host: 'traces_exporter_host' | 'metrics_exporter_host') => {
    if (!places.some((place) => place.get(on))) return undefined;
    const port = host === 'traces_exporter_host' ? 'traces_exporter_port' : 'metrics_exporter_port';
    return readTarget(first(places, host), first(places, port), findings);
  };
  return {
    traces: read('tracing', 'traces_exporter_host'),
    metrics: read('metrics', 'metrics_exporter_host'),
  };
}

function first<K extends keyof typeof TELEMETRY_KEYS>(places: readonly Keys[], key: K) {
  return places.map((place) => place.given(key)).find((given) => given !== undefined);
}

/** The reference exports in plaintext unless it is told otherwise, and so does this. */
function readTarget(
  host: Given<string> | undefined,
  port: Given<number> | undefined,
  findings: Context['findings'],
): ExportTarget {
  if (!host) return port ? { url: `http://localhost:${port.value}` } : {};
  const [, scheme = 'http', name, own] =
    /^(?:(https?):\/\/)?([\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?\/?$/i.exec(host.value) ?? [];
  const url = `${scheme.toLowerCase()}://${name}:${port?.value ?? own ?? COLLECTOR_PORT}`;
  if (name === undefined || !URL.canParse(url)) {
    const expected = 'expected a host, with http:// or https:// before it or without';
    findings.fault(host.at, host.key, `${expected}, got ${quote(host.value)}`);
  } else if (port && own && Number(own) !== port.value)
    findings.warn(port.at, port.key, `${host.key} names port ${own}; ${port.value} counts`);
  return { url };
}
