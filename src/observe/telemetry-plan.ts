import type { TelemetryConfig } from '../config/config.ts';

/** What is exported where; the URL is absent where OpenTelemetry's own variables, or its default, say it. */
export interface TelemetryPlan {
  readonly traces?: { readonly url?: string };
  readonly metrics?: { readonly url?: string };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Puts the flow and OpenTelemetry's standard variables together; the flow comes first. */
export function planTelemetry({ traces, metrics }: TelemetryConfig, variables: Variables): TelemetryPlan {
  if (/^\s*true\s*$/i.test(variables.OTEL_SDK_DISABLED ?? '')) return {};
  return {
    traces: traces ?? (asksFor('TRACES', variables) ? {} : undefined),
    metrics: metrics ?? (asksFor('METRICS', variables) ? {} : undefined),
  };
}

/** An exporter that is named decides; else an endpoint that is named asks for one. */
function asksFor(signal: 'TRACES' | 'METRICS', variables: Variables): boolean {
  const exporter = variables[`OTEL_${signal}_EXPORTER`]?.trim();
  if (exporter) return exporter.split(',').some((name) => name.trim() === 'otlp');
  return Boolean(
    variables[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]?.trim() ||
      variables.OTEL_EXPORTER_OTLP_ENDPOINT?.trim(),
  );
}

/** Kubernetes' names, from the variables that the reference reads. */
export function resourceAttributes(service: string, variables: Variables): Record<string, string> {
  const attributes: Record<string, string> = { 'service.name': service };
  for (const part of ['NAMESPACE', 'DEPLOYMENT', 'STATEFULSET', 'CLUSTER', 'NODE', 'POD']) {
    const value = variables[`K8S_${part}_NAME`];
    if (value) attributes[`k8s.${part.toLowerCase()}.name`] = value;
  }
  return attributes;
}
