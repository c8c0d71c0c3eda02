import type { FetchConfig } from '../../config/config.ts';
import type { Limits } from '../../config/limits.ts';
import { ClipError, type ErrorCode } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { bounded } from './bounded.ts';
import { decodeDataUri } from './data-uri.ts';
import { Guard } from './guard.ts';
import { type FetchSetting, fetchUrl } from './http-fetch.ts';
import { readLocalFile } from './local-file.ts';
import { type Network, systemNetwork } from './network.ts';
import { quote } from './quote.ts';
import { SingleFlight } from './single-flight.ts';
import { Slots } from './slots.ts';

export interface UriLoaderOptions {
  readonly config: FetchConfig;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Default: the system's resolver and Node's http and https. */
  readonly network?: Network;
}

/** Where a URI leads, and whose slots it takes. */
interface Source {
  readonly key: string;
  readonly host: string;
  /** Names it in sentences. */
  readonly where: string;
  read(signal: AbortSignal): Promise<Uint8Array>;
}

/**
 * Loads what a request names by URI: `data:` always, http and https where fetching is enabled, local files where a folder
 * is configured. Equal URIs that are asked for at once are loaded once.
 */
export class UriLoader {
  private readonly options: UriLoaderOptions;
  private readonly setting: FetchSetting;
  private readonly slots: Slots;
  private readonly flights = new SingleFlight<Uint8Array>();
  private closed = false;

  /** @throws ConfigError where `config.allow` holds something that is no host, address or range */
  constructor(options: UriLoaderOptions) {
    const { config, limits, metrics, log, network = systemNetwork } = options;
    this.options = options;
    const guard = new Guard(config.allow);
    this.setting = { config, maxBytes: limits.imageBytes, guard, network, metrics, log };
    this.slots = new Slots(config.concurrency, config.perHost);
  }

  /**
   * The bytes behind `uri`, at most `limits.imageBytes`. Callers may share them: they are to be read, not written or
   * transferred.
   *
   * @throws ClipError invalid_uri, forbidden_uri, fetch_failed, image_too_large, queue_timeout, cancelled, draining
   */
  async load(uri: string, signal: AbortSignal): Promise<Uint8Array> {
    if (this.closed) throw closing();
    try {
      if (/^\s*data:/i.test(uri)) return decodeDataUri(uri, this.setting.maxBytes);
      const source = this.source(uri);
      return await this.flights.join(source.key, signal, (shared) => this.run(source, shared));
    } catch (error) {
      const typed = ClipError.from(error);
      if (typed.code === 'image_too_large') this.options.metrics.limited.inc({ limit: 'image_bytes' });
      throw typed;
    }
  }

  /** Ends all loads with `draining` and resolves when none is left. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flights.close(closing());
  }

  private source(uri: string): Source {
    const { config } = this.options;
    const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? 'file';
    if (scheme === 'http' || scheme === 'https') return this.urlSource(uri);
    if (scheme !== 'file') {
      const accepted = 'expected http, https, data, or a file of the configured folder';
      throw new ClipError('invalid_uri', `${quote(uri)}: ${accepted}, got the scheme ${quote(scheme)}`);
    }
    const { folder } = config;
    if (folder === undefined) {
      throw new ClipError(
        'forbidden_uri',
        `${quote(uri)}: expected fetch.folder in the configuration, got none`,
      );
    }
    const read = () => readLocalFile(uri, folder, this.setting.maxBytes);
    return { key: `file ${uri}`, host: 'file', where: quote(uri), read };
  }

  private urlSource(uri: string): Source {
    if (!this.options.config.enabled) {
      throw new ClipError('forbidden_uri', `${quote(uri)}: expected fetch.enabled to be true, got false`);
    }
    if (!URL.canParse(uri))
      throw new ClipError('invalid_uri', `${quote(uri)}: expected a URL, got a malformed one`);
    const url = new URL(uri);
    url.hash = '';
    this.setting.guard.checkUrl(url, quote(uri));
    const read = (signal: AbortSignal) => fetchUrl(url, quote(uri), this.setting, signal);
    return { key: url.href, host: url.host, where: quote(uri), read };
  }

  private async run(source: Source, signal: AbortSignal): Promise<Uint8Array> {
    const { config, limits, metrics } = this.options;
    const noSlot = () => {
      const message = `${source.where}: expected a free connection within ${limits.queueMs} ms, got none`;
      return this.late('queue_ms', 'queue_timeout', message);
    };
    await bounded(limits.queueMs, signal, noSlot, (wait) => this.slots.acquire(source.host, wait));
    const end = metrics.fetchSeconds.startTimer();
    const tooSlow = () => {
      const message = `${source.where}: expected the whole content within ${config.timeoutMs} ms, got less`;
      return this.late('fetch_timeout_ms', 'fetch_failed', message);
    };
    try {
      const bytes = await bounded(config.timeoutMs, signal, tooSlow, source.read);
      end({ outcome: 'ok' });
      return bytes;
    } catch (error) {
      end({ outcome: ClipError.from(error).code });
      throw error;
    } finally {
      this.slots.release(source.host);
    }
  }

  private late(limit: string, code: ErrorCode, message: string): ClipError {
    this.options.metrics.limited.inc({ limit });
    return new ClipError(code, message);
  }
}

function closing(): ClipError {
  return new ClipError('draining', 'The URI was not loaded: the server is shutting down.');
}
