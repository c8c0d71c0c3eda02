import type { Meter } from '@opentelemetry/api';
import { metrics as metricsApi, propagation, trace } from '@opentelemetry/api';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { Logger } from './log.ts';
import { resourceAttributes, type TelemetryPlan } from './telemetry-plan.ts';
import { isTraced, SCOPE } from './tracing.ts';

export interface Telemetry {
  /** For metrics that OpenTelemetry exports; without an exporter it takes them to nowhere. */
  readonly meter: Meter;
  /** Sends what is left, and gives up after some seconds. Idempotent. */
  close(): Promise<void>;
}

export interface TelemetryOptions {
  readonly plan: TelemetryPlan;
  /** Name of the service, where `OTEL_SERVICE_NAME` gives none. */
  readonly service: string;
  readonly version: string;
  readonly log: Logger;
}

/** Time that the last export may take. */
const FLUSH_MS = 5_000;
const METRICS_MS = 60_000;

/**
 * Starts OpenTelemetry's SDK as far as the plan goes; its packages are loaded only then. An SDK that was registered
 * before, for example by `--require`, is left alone and takes our spans and metrics.
 */
export async function startTelemetry({ plan, ...options }: TelemetryOptions): Promise<Telemetry> {
  const foreign = isTraced();
  if (foreign && (plan.traces || plan.metrics))
    options.log.info('another OpenTelemetry SDK is registered; it exports in place of our own');
  const traces = foreign || !plan.traces ? undefined : await startTraces(plan.traces.url, options);
  const metrics = foreign || !plan.metrics ? undefined : await startMetrics(plan.metrics.url, options);
  let closing: Promise<void> | undefined;
  return {
    meter: metrics?.meter ?? metricsApi.getMeter(SCOPE, options.version),
    close: () => {
      closing ??= within(FLUSH_MS, [traces?.close(), metrics?.close()]);
      return closing;
    },
  };
}

async function startTraces(url: string | undefined, options: Omit<TelemetryOptions, 'plan'>) {
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-grpc'),
  ]);
  const exporter: SpanExporter = new OTLPTraceExporter({ url });
  const provider = new NodeTracerProvider({
    resource: await resourceOf(options),
    spanProcessors: [new BatchSpanProcessor(reporting(exporter, 'traces', options.log))],
  });
  // Contexts are handed on explicitly: a manager would cost at each asynchronous call.
  provider.register({ contextManager: null });
  return {
    close: async () => {
      trace.disable();
      propagation.disable();
      await provider.shutdown();
    },
  };
}

async function startMetrics(url: string | undefined, options: Omit<TelemetryOptions, 'plan'>) {
  const [{ MeterProvider, PeriodicExportingMetricReader }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-grpc'),
  ]);
  const exporter: PushMetricExporter = new OTLPMetricExporter({ url });
  const exportIntervalMillis = milliseconds('OTEL_METRIC_EXPORT_INTERVAL', METRICS_MS);
  const reader = new PeriodicExportingMetricReader({
    exporter: reporting(exporter, 'metrics', options.log),
    exportIntervalMillis,
  });
  const provider = new MeterProvider({ resource: await resourceOf(options), readers: [reader] });
  return { meter: provider.getMeter(SCOPE, options.version), close: () => provider.shutdown() };
}

/** What `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say stands over our own. */
async function resourceOf({ service, version }: Omit<TelemetryOptions, 'plan'>) {
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = await import(
    '@opentelemetry/resources'
  );
  const own = { ...resourceAttributes(service, process.env), 'service.version': version };
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
}

function milliseconds(variable: string, fallback: number): number {
  const value = Number(process.env[variable]);
  return Number.isInteger(value) && value > 0 ? value : fallback;
}

/** One line when exports begin to fail, and one when they work again. */
function reporting<T extends SpanExporter | PushMetricExporter>(exporter: T, what: string, log: Logger): T {
  const send = exporter.export.bind(exporter) as SpanExporter['export'];
  let failing = false;
  const watched: SpanExporter['export'] = (items, done) =>
    send(items, (result) => {
      const failed = result.code !== 0;
      if (failed && !failing) log.warn({ err: result.error }, `OpenTelemetry: ${what} cannot be exported`);
      if (!failed && failing) log.info(`OpenTelemetry: ${what} are exported again`);
      failing = failed;
      done(result);
    });
  return Object.assign(exporter, { export: watched });
}

async function within(ms: number, steps: readonly (Promise<void> | undefined)[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  // What fails has been reported by then.
  await Promise.race([Promise.allSettled(steps), patience]);
  clearTimeout(timer);
}
