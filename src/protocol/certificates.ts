import type { TlsConfig } from '../config/config.ts';
import type { Site } from './site.ts';
import { checkMaterial, readMaterial, type TlsMaterial, validityOf } from './tls.ts';

/** Pause between two looks at the files. */
const POLL_MS = 2000;
/** A certificate that ends sooner is warned of. */
const WARN_MS = 14 * 24 * 3_600_000;

type Take = (material: TlsMaterial) => void;

/**
 * The one owner of certificate and key: every listener takes them from here. The files are read again every few
 * seconds and compared by content, which holds for files written in place, renamed over, behind symbolic links that
 * are swapped (Kubernetes' `..data`) and on network mounts; notifications of the system do not.
 */
export class Certificates {
  readonly #site: Pick<Site, 'log' | 'metrics'>;
  readonly #listeners = new Set<Take>();
  readonly #timer: NodeJS.Timeout;
  #current: TlsMaterial;
  /** What was read last and refused. */
  #refused: TlsMaterial | undefined;
  /** Said already; each fault is one line in the log. */
  #fault: string | undefined;
  #looking: Promise<void> | undefined;

  /** @throws Error that names the file and what is wrong with it */
  static async open(
    config: TlsConfig,
    site: Pick<Site, 'log' | 'metrics'>,
    pollMs: number = POLL_MS,
  ): Promise<Certificates> {
    const material = await readMaterial(config);
    checkMaterial(material);
    return new Certificates(material, site, pollMs);
  }

  private constructor(material: TlsMaterial, site: Pick<Site, 'log' | 'metrics'>, pollMs: number) {
    this.#site = site;
    this.#current = material;
    this.#timer = setInterval(() => void this.reload(), pollMs);
    this.#timer.unref();
    this.#show();
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  /** Calls `take` with what replaces the current material, for new connections. Returns the way to end that. */
  onChange(take: Take): () => void {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  /** Looks at the files now. Never rejects: what cannot be used is logged and counted, and the old material stays. */
  reload(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Ends the watch. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    try {
      const found = await readMaterial(this.#current.config);
      if (equal(found, this.#current)) this.#fault = this.#refused = undefined;
      else if (!this.#refused || !equal(found, this.#refused)) this.#take(found);
    } catch (error) {
      this.#refuse((error as Error).message);
    }
  }

  #take(found: TlsMaterial): void {
    try {
      checkMaterial(found);
    } catch (error) {
      this.#refused = found;
      throw error;
    }
    const unfit = outOfDate(found);
    if (unfit) throw new Error(unfit);
    for (const take of this.#listeners) take(found);
    this.#current = found;
    this.#fault = this.#refused = undefined;
    this.#site.metrics.tlsReloads.inc({ outcome: 'ok' });
    this.#site.log.info(`TLS: ${found.config.certFile} was replaced and serves new connections`);
    this.#show();
  }

  #refuse(fault: string): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#site.metrics.tlsReloads.inc({ outcome: 'failed' });
    this.#site.log.warn(`${fault}; the certificate before it stays in use`);
  }

  #show(): void {
    const { certFile } = this.#current.config;
    const { to } = validityOf(this.#current.cert);
    this.#site.metrics.tlsExpiry.set({ file: certFile }, to / 1000);
    const soon =
      to <= Date.now() + WARN_MS ? `TLS: the certificate ${certFile} expires on ${day(to)}` : undefined;
    const warning = outOfDate(this.#current) ?? soon;
    if (warning) this.#site.log.warn(warning);
  }
}

/** Undefined where the whole chain is valid now. */
function outOfDate({ config, cert }: TlsMaterial): string | undefined {
  const { from, to } = validityOf(cert);
  const now = Date.now();
  if (to <= now) return `TLS: the certificate ${config.certFile} expired on ${day(to)}`;
  return from > now ? `TLS: the certificate ${config.certFile} is not valid before ${day(from)}` : undefined;
}

function equal(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.cert.equals(b.cert) &&
    a.key.equals(b.key) &&
    (a.ca === b.ca || (a.ca !== undefined && b.ca !== undefined && a.ca.equals(b.ca)))
  );
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
