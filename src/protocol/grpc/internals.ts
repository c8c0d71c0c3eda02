import type { Http2SecureServer, Http2Server, ServerHttp2Stream, ServerOptions } from 'node:http2';
import type { Server, ServerCredentials } from '@grpc/grpc-js';

/** What is needed of grpc-js beyond its public interface. Everything is listed here, and a test holds it against the package. */
export interface ServerInternals {
  /** Options of every HTTP/2 server that it makes. */
  readonly commonServerOptions: ServerOptions;
  createHttp2Server(credentials: ServerCredentials): Http2Server | Http2SecureServer;
}

/** One call, below all interceptors. */
export interface CallInternals {
  readonly stream: ServerHttp2Stream;
  /** Gets what arrives, gives whole messages with the five bytes that stand in front of each. */
  decoder: { write(data: Buffer): Buffer[] };
  /** What is given to `sendMessage`, as it goes over the wire. */
  serializeMessage(message: Buffer): Buffer;
}

/** @throws Error where this release of grpc-js has other names */
export function serverInternals(server: Server): ServerInternals {
  const inside = server as unknown as Partial<ServerInternals>;
  if (typeof inside.commonServerOptions !== 'object' || typeof inside.createHttp2Server !== 'function')
    throw new Error(
      'expected commonServerOptions and createHttp2Server in a Server of @grpc/grpc-js, found others',
    );
  return inside as ServerInternals;
}

/** @throws Error where this release of grpc-js has other names */
export function callInternals(call: object): CallInternals {
  const inside = call as Partial<CallInternals>;
  if (!inside.stream || typeof inside.decoder?.write !== 'function' || !inside.serializeMessage)
    throw new Error('expected stream, decoder and serializeMessage in a call of @grpc/grpc-js, found others');
  return inside as CallInternals;
}
