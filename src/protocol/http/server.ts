import type { ClipError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import type { Certificates } from '../certificates.ts';
import type { Coding } from './coding.ts';

/** One listening HTTP/1.1 server. Its owner closes it. */
export interface HttpServer {
  readonly implementation: 'uws' | 'node';
  /** Port listened on. @throws Error naming host, port and cause */
  listen(host: string, port: number): Promise<number>;
  /**
   * Stops accepting, answers what is in flight with `Connection: close`, and ends every connection: when the last
   * answer is out, or after `drainMs`. Idempotent.
   */
  close(drainMs: number): Promise<void>;
}

/**
 * Called once per request. It must send exactly one response; whatever it throws or forgets, the server answers 500
 * and logs. `request.body` must be called before the first await.
 */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => Promise<void>;

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly path: string;
  /** Lower-case names; of repeated headers the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** What is wrong with the head of the request; it must be answered with this and nothing else. */
  readonly fault?: ClipError;
  /** Aborted with a ClipError (`cancelled`) when the client leaves before its answer is out. */
  readonly signal: AbortSignal;
  /**
   * The whole body.
   * @throws ClipError request_too_large, body_timeout, cancelled, invalid_request where it is not compressed as `coding`
   * says, or what `count` throws
   */
  body(options: BodyOptions): Promise<Buffer>;
}

export interface BodyOptions {
  /** Most bytes, after inflation too. */
  readonly limit: number;
  /** Told of more bytes before they are kept; throws to refuse them. */
  readonly count: (bytes: number) => void;
  /** How the body is compressed; it is handed out inflated. */
  readonly coding?: Coding;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  /** Resolves to true once the last byte is handed to the system, to false where the client left before. */
  send(reply: Reply): Promise<boolean>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  readonly limits: HttpLimits;
  readonly certificates?: Certificates;
  readonly log: Logger;
  /** Change of the number of open connections. */
  readonly onConnections: (change: 1 | -1) => void;
  /** A limit of `HttpLimits` bit. */
  readonly onLimit: (limit: RefusingLimit) => void;
}

export interface HttpLimits {
  readonly connections: number;
  readonly headerBytes: number;
  readonly headerMs: number;
  readonly bodyMs: number;
  readonly sendMs: number;
  readonly keepAliveMs: number;
}

/** Those whose reaching is a refusal. */
export type RefusingLimit = Exclude<keyof HttpLimits, 'keepAliveMs'>;

/** Least rate at which a body must arrive, in bytes per second. */
export const BODY_RATE = 16 * 1024;
export const MOST_HEADERS = 100;
export const MOST_TARGET_CHARACTERS = 8192;
