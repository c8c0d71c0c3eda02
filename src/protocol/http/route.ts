import type { ErrorCode } from '../../errors.ts';
import type { Trace } from '../../observe/tracing.ts';
import type { Operation } from './operation.ts';
import type { HttpRequest, Reply } from './server.ts';

/** One request on its way through a route. */
export interface Call {
  readonly request: HttpRequest;
  /** The server's span; absent where nothing is traced. */
  readonly trace?: Trace;
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
  /** Its answer to what goes wrong, where that is not `faultReply`. */
  readonly fault?: (thrown: unknown) => Reply;
  /** Answered without an API key: it tells no more than whether the server lives and is ready. */
  readonly open?: boolean;
  /** Left out of the log of requests unless the configuration wants them. */
  readonly probe?: boolean;
  readonly serve: RouteHandler;
}

/** A route that the API document lists. */
export interface ApiRoute extends Route {
  /** What the document says of it. */
  readonly operation: Operation;
}
