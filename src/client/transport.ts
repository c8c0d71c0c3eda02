import type { Document, JsonObject } from '../protocol/jina/document.ts';
import type { ClipClientError } from './error.ts';

export type Endpoint = '/encode' | '/rank' | '/index' | '/search';

/** One batch on its way out. */
export interface TransportRequest {
  /** 32 hex digits. */
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly parameters: JsonObject;
  readonly documents: readonly Document[];
}

/** A document of an answer; `error` where this one failed and others did not. */
export type AnsweredDocument = Omit<Document, 'error'> & { error?: ClipClientError };

export interface TransportAnswer {
  readonly documents: readonly AnsweredDocument[];
  /** Gateway first, then what worked on the request; whole microseconds since 1970. */
  readonly routes: readonly { readonly executor: string; readonly start: number; readonly end?: number }[];
  /** Of request and answer, without headers. */
  readonly bytes: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not; empty where ready. */
  readonly reasons: readonly string[];
}

/** What the server says of itself; a clip-server names its `model`, `runtime`, `device` and `precision`. */
export interface ServerInfo {
  readonly versions: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** One server by one protocol: many requests at once, on connections that are opened when needed and opened again when they break. */
export interface Transport {
  /** @throws ClipClientError of the connection, of the server, of an answer that cannot be read */
  request(request: TransportRequest, signal: AbortSignal): Promise<TransportAnswer>;
  /** @throws ClipClientError where nobody answers */
  ready(signal: AbortSignal): Promise<Readiness>;
  info(signal: AbortSignal): Promise<ServerInfo>;
  /** Ends the connections; what is in flight fails. Idempotent. */
  close(): Promise<void>;
}
