import { accepted } from '../section.ts';
import { BOOLEAN, integer, WORD } from '../values.ts';

export const PORT = integer(0, 65535);
const WHY = 'this version exports no OpenTelemetry; use `monitoring` for Prometheus';

/** OpenTelemetry's keys, the same for the server and for executors. */
export const TELEMETRY_KEYS = {
  tracing: accepted(BOOLEAN, false, WHY),
  traces_exporter_host: accepted(WORD, undefined, WHY, {
    aliases: ['tracing_exporter_host'],
    silent: true,
  }),
  traces_exporter_port: accepted(PORT, undefined, WHY, {
    aliases: ['tracing_exporter_port'],
    silent: true,
  }),
  metrics: accepted(BOOLEAN, false, WHY),
  metrics_exporter_host: accepted(WORD, undefined, WHY, { silent: true }),
  metrics_exporter_port: accepted(PORT, undefined, WHY, { silent: true }),
};
