import {
  type Attributes,
  type Context,
  isSpanContextValid,
  ProxyTracer,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { ClipError } from '../errors.ts';

/** Name of the instrumentation, on every span and metric. */
export const SCOPE = 'clip-server';

/** A header or an entry of the metadata, by its lower-case name. */
export type Carrier = (name: string) => string | undefined;

const GETTER: TextMapGetter<Carrier> = { get: (carrier, name) => carrier(name), keys: () => [] };

/** A span that others hang from. Contexts are handed on explicitly, so nothing is paid per asynchronous call. */
export class Trace {
  readonly #context: Context;
  readonly #span: Span;
  #ended = false;

  constructor(span: Span, parent: Context) {
    this.#span = span;
    this.#context = trace.setSpan(parent, span);
  }

  /** A span within this one. Where this one is not recorded, it stands for its children. */
  child(name: string, attributes?: Attributes): Trace {
    if (!this.#span.isRecording()) return this;
    return new Trace(trace.getTracer(SCOPE).startSpan(name, { attributes }, this.#context), this.#context);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  /** Once; what comes later is ignored. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (error !== undefined) {
      const { code, message } = ClipError.from(error);
      this.#span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message });
    }
    this.#span.end();
  }

  /** Value of the `traceparent` header, as W3C Trace Context writes it. */
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }
}

/** Whether an SDK is registered: until then the API hands out a stand-in. */
export function isTraced(): boolean {
  return !(trace.getTracer(SCOPE) instanceof ProxyTracer);
}

/**
 * The server's span of one call, continuing the trace that the client's headers name. Undefined where no SDK is
 * registered, so that nothing is paid for after this.
 */
export function openTrace(carrier: Carrier, name: string, attributes?: Attributes): Trace | undefined {
  if (!isTraced()) return undefined;
  const parent = propagation.extract(ROOT_CONTEXT, carrier, GETTER);
  const span = trace.getTracer(SCOPE).startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  return isSpanContextValid(span.spanContext()) ? new Trace(span, parent) : undefined;
}
