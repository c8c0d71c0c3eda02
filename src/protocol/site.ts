import type { Config, Listener } from '../config/config.ts';
import type { Readiness } from '../observe/health.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Playground } from '../playground/playground.ts';
import type { EmbeddingService } from '../service/item.ts';
import type { Certificates } from './certificates.ts';

/** What every protocol is made from. */
export interface Site {
  readonly config: Config;
  readonly service: EmbeddingService;
  /** Whether requests are welcome, and if not, why. */
  readonly health: { ready(): Readiness };
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Of this program, for clients that ask. */
  readonly version: string;
  /** For browsers that open the HTTP server; absent where the configuration turns it off. */
  readonly playground?: Playground;
}

/** A listener of the configuration, and what it is made from. */
export interface ListenerSite extends Site {
  readonly listener: Listener;
  /** Undefined for a listener without TLS. */
  readonly certificates: Certificates | undefined;
}

/** One open port of a protocol. */
export interface StartedListener {
  readonly protocol: Config['gateway']['listeners'][number]['protocol'];
  readonly address: { readonly host: string; readonly port: number; readonly secure: boolean };
  /** The library that serves it, for the banner. */
  readonly implementation: string;
  /** Stops accepting, finishes what is in flight, ends the rest after `drainMs`. Idempotent. */
  close(drainMs: number): Promise<void>;
}
