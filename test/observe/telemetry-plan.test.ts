import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planTelemetry } from '../../src/observe/telemetry-plan.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4317' };

test('nothing is exported unless the flow or a standard variable asks for it', () => {
  assert.deepEqual(planTelemetry({}, { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }), {
    traces: undefined,
    metrics: undefined,
  });
});

test('an exporter that a variable names decides, else an endpoint', () => {
  for (const [variables, traces, metrics] of [
    [ENDPOINT, true, true],
    [{ ...ENDPOINT, OTEL_METRICS_EXPORTER: 'none' }, true, false],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'console' }, false, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true, false],
    [{ OTEL_METRICS_EXPORTER: 'console, otlp' }, false, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://otel:1' }, true, false],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://otel:1' }, false, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false, false],
  ] as [Record<string, string>, boolean, boolean][]) {
    const plan = planTelemetry({}, variables);
    assert.deepEqual([plan.traces, plan.metrics], [traces ? {} : undefined, metrics ? {} : undefined]);
  }
});

test('the flow comes before the variables, and OTEL_SDK_DISABLED before all', () => {
  const flow = { traces: { url: 'http://a:1' } };
  assert.deepEqual(planTelemetry(flow, { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }).traces, flow.traces);
  assert.deepEqual(planTelemetry(flow, { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }), {});
  assert.deepEqual(planTelemetry(flow, { OTEL_SDK_DISABLED: '0' }).traces, flow.traces);
});
