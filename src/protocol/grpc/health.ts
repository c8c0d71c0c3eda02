import { setTimeout as sleep } from 'node:timers/promises';
import { ClipError } from '../../errors.ts';
import { Reader } from '../jina/wire/reader.ts';
import { encodeMessage } from '../jina/wire/writer.ts';
import type { Site } from '../site.ts';
import type { GrpcCall } from './call.ts';
import { type Method, onlyMessage, unary } from './method.ts';

/** `HealthCheckRequest.service` and `HealthCheckResponse.status`, as tags. */
const SERVICE = (1 << 3) | 2;
const STATUS = 1 << 3;
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
/** Readiness is computed when asked for, so a watch asks from time to time. */
const WATCH_MS = 500;

/**
 * `grpc.health.v1`: the same for every service, and for the server under the empty name.
 *
 * @param closing aborted when the server shuts down, which ends the watches
 */
export function healthMethods(
  { health }: Pick<Site, 'health'>,
  services: readonly string[],
  closing: AbortSignal,
): Method[] {
  const known = new Set(['', ...services]);
  const statusNow = (): number => (health.ready().ready ? SERVING : NOT_SERVING);
  const check = unary('/grpc.health.v1.Health/Check', (message) => {
    const service = serviceOf(message);
    if (!known.has(service)) throw unknownService(service);
    return encodeStatus(statusNow());
  });
  const watch = async (call: GrpcCall): Promise<void> => {
    const service = serviceOf(await onlyMessage(call));
    let told: number | undefined;
    while (!closing.aborted) {
      const status = known.has(service) ? statusNow() : SERVICE_UNKNOWN;
      if (status !== told) await call.send(await call.pack(encodeStatus(status)));
      told = status;
      await sleep(WATCH_MS, undefined, { signal: AbortSignal.any([call.signal, closing]), ref: false }).catch(
        () => {},
      );
      if (call.signal.aborted) throw ClipError.aborted(call.signal);
    }
    if (told !== NOT_SERVING) await call.send(await call.pack(encodeStatus(NOT_SERVING)));
    throw new ClipError('draining', 'the server is shutting down');
  };
  const rest = { probe: true, counts: false, open: true };
  return [
    { ...check, ...rest },
    { path: '/grpc.health.v1.Health/Watch', ...rest, serve: watch },
  ];
}

function encodeStatus(status: number): Uint8Array {
  return encodeMessage((out) => out.uint32(STATUS, status));
}

function serviceOf(message: Uint8Array): string {
  const reader = new Reader(message, 1);
  let service = '';
  for (let tag = reader.next(); tag !== 0; tag = reader.next()) {
    if (tag === SERVICE) service = reader.string();
    else reader.skip(tag);
  }
  return service;
}

function unknownService(service: string): ClipError {
  return new ClipError(
    'unknown_service',
    `expected a service of this server, got ${JSON.stringify(service)}`,
  );
}
