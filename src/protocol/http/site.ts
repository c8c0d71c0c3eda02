import type { Config } from '../../config/config.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Readiness } from '../../observe/health.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { EmbeddingService } from '../../service/item.ts';
import type { HttpRequest, Reply } from './server.ts';

/** What the routes are made from. */
export interface Site {
  readonly config: Config;
  readonly service: EmbeddingService;
  /** Whether requests are welcome, and if not, why. */
  readonly health: { ready(): Readiness };
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Of this program, for `/status` and the API document. */
  readonly version: string;
}

/** One request on its way through a route. */
export interface Call {
  readonly request: HttpRequest;
  /** Once. Resolves to false where the client left before it had the whole answer. */
  send(reply: Reply): Promise<boolean>;
}

/** Resolves to what `clip_requests_total` counts it under. */
export type RouteHandler = (call: Call) => Promise<'ok' | ErrorCode>;

export interface Route {
  /** A path, or a prefix that ends in `/*`. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly summary: string;
  /** Listed in the API document, which steers the Python client. */
  readonly listed: boolean;
  /** Left out of the log of requests unless the configuration wants them. */
  readonly probe?: boolean;
  readonly serve: RouteHandler;
}
