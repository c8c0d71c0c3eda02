import { constants } from 'node:http2';
import {
  type ServerInterceptingCallInterface as BaseCall,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { ClipError, type ErrorCode } from '../../errors.ts';
import { openTrace } from '../../observe/tracing.ts';
import { type KeyCheck, keyCheck } from '../api-keys.ts';
import { countFault, countLimit } from '../limit.ts';
import type { Site } from '../site.ts';
import { type CallOptions, GrpcCall } from './call.ts';
import { connectionOf } from './connection.ts';
import { grpcStatus, OK } from './fault.ts';
import type { Method } from './method.ts';

export interface DispatchOptions {
  readonly methods: readonly Method[];
  readonly call: CallOptions;
}

/** Every call that is open: finds its method, ends it with the method's outcome, and counts. */
export class Dispatch {
  readonly #site: Site;
  readonly #options: DispatchOptions;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #checkKey: KeyCheck;
  readonly #calls = new Set<GrpcCall>();
  readonly #watch: NodeJS.Timeout;

  constructor(site: Site, options: DispatchOptions) {
    this.#site = site;
    this.#options = options;
    this.#methods = new Map(options.methods.map((method) => [method.path, method]));
    this.#checkKey = keyCheck(site.config.gateway);
    const { sendMs, bodyMs } = site.config.limits;
    this.#watch = setInterval(() => this.#endStalled(), Math.ceil(Math.min(sendMs, bodyMs) / 2));
    this.#watch.unref();
  }

  /**
   * Takes each call before grpc-js' own handlers do: these read ahead sixteen messages, whatever their size, and hide
   * when a message was really sent.
   */
  readonly interceptor: ServerInterceptor = ({ path }, base) =>
    new ServerInterceptingCall(base, {
      start: () => {
        const method = this.#methods.get(path);
        if (method) void this.#serve(base, method);
        else base.sendStatus(grpcStatus(new ClipError('not_found', `expected a method, got ${path}`)));
      },
    });

  /** Lets the calls end that have nothing in flight, now or later. */
  drain(): void {
    for (const call of this.#calls) call.drain();
  }

  close(): void {
    clearInterval(this.#watch);
  }

  async #serve(base: BaseCall, method: Method): Promise<void> {
    const began = performance.now();
    const call = new GrpcCall(base, this.#options.call);
    const connection = connectionOf(call.stream);
    const entered = connection?.begin() ?? false;
    this.#calls.add(call);
    try {
      if (!entered) throw tooManyCalls(this.#site.config.limits.streams);
      this.#checkHeaders(call);
      const refusal = method.open ? undefined : this.#checkKey(call.header('authorization'));
      if (refusal) throw refusal;
      if (!method.probe) call.trace = openTrace((name) => call.header(name), ...spanOf(method));
      await method.serve(call);
      call.finish(OK);
      call.trace?.end();
      this.#count(method, 'ok', began);
    } catch (thrown) {
      const error = ClipError.from(thrown);
      if (error.code === 'internal') this.#site.log.error({ err: error, path: method.path }, 'a call failed');
      countFault(this.#site.metrics, error);
      call.finish(grpcStatus(error));
      call.trace?.end(error);
      this.#count(method, error.code, began);
    } finally {
      this.#calls.delete(call);
      if (entered) connection?.end();
    }
  }

  #checkHeaders(call: GrpcCall): void {
    const { headerBytes } = this.#site.config.limits;
    const bytes = call.headerBytes;
    if (bytes > headerBytes)
      throw new ClipError(
        'headers_too_large',
        `expected at most ${headerBytes} bytes of metadata, got ${bytes}`,
      );
  }

  #endStalled(): void {
    const now = performance.now();
    const { sendMs, bodyMs } = this.#site.config.limits;
    for (const call of this.#calls) {
      if (call.reading.stalled(now, bodyMs)) {
        countLimit(this.#site.metrics, 'bodyMs');
        call.fail(new ClipError('body_timeout', `expected the message within ${bodyMs} ms, or at 16 KiB/s`));
      }
      if (call.writing.stalled(now, sendMs)) {
        countLimit(this.#site.metrics, 'sendMs');
        call.reset(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }
    }
  }

  #count({ path, probe, counts }: Method, code: 'ok' | ErrorCode, began: number): void {
    const { metrics, log, config } = this.#site;
    const seconds = (performance.now() - began) / 1000;
    // What ends a call of many requests is of none of them.
    if (!counts || (code !== 'ok' && code !== 'cancelled')) {
      metrics.requests.inc({ protocol: 'grpc', route: path, code });
      metrics.requestSeconds.observe({ protocol: 'grpc', route: path }, seconds);
    }
    if (probe && !config.log.healthRequests) return;
    log.debug({ path, code, ms: Math.round(seconds * 10_000) / 10 }, 'call');
  }
}

function tooManyCalls(streams: number): ClipError {
  return new ClipError('overloaded', `at most ${streams} calls on one connection (limit streams)`);
}

/** Name and attributes are OpenTelemetry's for gRPC servers. */
function spanOf({ path }: Method): [name: string, attributes: Record<string, string>] {
  const [, service, method] = path.split('/') as [string, string, string];
  return [path.slice(1), { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method }];
}
