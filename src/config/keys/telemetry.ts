import { honoured } from '../section.ts';
import { BOOLEAN, integer, WORD } from '../values.ts';

export const PORT = integer(0, 65535);
const COLLECTOR_PORT = integer(1, 65535);
const HOST = 'Host of the collector (OTLP over gRPC); `https://` before it asks for TLS.';
const ENVIRONMENT = '`OTEL_EXPORTER_OTLP_ENDPOINT`, else localhost';

/** OpenTelemetry's keys, the same for the server and for executors. */
export const TELEMETRY_KEYS = {
  tracing: honoured(BOOLEAN, false, 'Exports traces by OpenTelemetry; at the server or at the executor.'),
  traces_exporter_host: honoured(WORD, undefined, HOST, {
    aliases: ['tracing_exporter_host'],
    defaultNote: ENVIRONMENT,
  }),
  traces_exporter_port: honoured(
    COLLECTOR_PORT,
    undefined,
    'Port of the collector, with a host or without.',
    {
      aliases: ['tracing_exporter_port'],
      defaultNote: '4317',
    },
  ),
  metrics: honoured(BOOLEAN, false, 'Exports metrics by OpenTelemetry; at the server or at the executor.'),
  metrics_exporter_host: honoured(WORD, undefined, 'As `traces_exporter_host`, for metrics.', {
    defaultNote: ENVIRONMENT,
  }),
  metrics_exporter_port: honoured(COLLECTOR_PORT, undefined, 'As `traces_exporter_port`, for metrics.', {
    defaultNote: '4317',
  }),
};
