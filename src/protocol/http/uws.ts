import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { createServer } from 'node:net';
import { InFlight, runExchange } from './exchange.ts';
import { type HttpServer, type HttpServerOptions, MOST_TARGET_CHARACTERS } from './server.ts';
import { UwsExchange } from './uws-exchange.ts';

export type Uws = typeof import('uWebSockets.js');

/** The library closes a connection that is idle, or sends a head or a body too slowly, after this time. */
const FIXED_MS = 10_000;

/** True of SSLApp: swapping the listener instead resets connections that wait to be accepted, 26 of 7,549 when measured. */
export const KEEPS_CERTIFICATE = 'it serves the certificate it started with until it is started again';

/** Why uWebSockets.js cannot keep what is asked for; undefined where it can. */
export function uwsObstacle({
  certificates,
  limits,
}: Pick<HttpServerOptions, 'certificates' | 'limits'>): string | undefined {
  if (certificates && certificates.current.config.clientCertificate !== 'none')
    return 'it cannot ask clients for certificates';
  if (limits.keepAliveMs > FIXED_MS) return `it ends idle connections after ${FIXED_MS} ms by itself`;
  if (limits.headerMs < FIXED_MS) return `it waits ${FIXED_MS} ms for headers`;
  return limits.bodyMs > FIXED_MS ? `it ends slow bodies after ${FIXED_MS} ms by itself` : undefined;
}

/** @throws Error where the library has no build for this Node.js, system and C library */
export async function loadUws(headerBytes: number): Promise<Uws> {
  // Read once, when the library is loaded. Our own check of the headers has a better answer.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(2 * headerBytes + 2 * MOST_TARGET_CHARACTERS);
  const loaded: Uws & { default?: Uws } = await import('uWebSockets.js');
  return loaded.default ?? loaded;
}

/** The seam on uWebSockets.js. */
export class UwsHttpServer implements HttpServer {
  readonly implementation = 'uws';
  readonly #options: HttpServerOptions;
  readonly #uws: Uws;
  readonly #app: TemplatedApp;
  readonly #inFlight = new InFlight();
  #connections = 0;
  #listener: us_listen_socket | undefined;
  #closed: Promise<void> | undefined;

  constructor(uws: Uws, options: HttpServerOptions) {
    this.#uws = uws;
    this.#options = options;
    this.#app = makeApp(uws, options);
    options.certificates?.onChange(() =>
      options.log.warn(`http_server: uws does not take the certificate on disk: ${KEEPS_CERTIFICATE}`),
    );
    this.#app.filter((response, change) => this.#count(response, Number(change) > 0 ? 1 : -1));
    this.#app.any('/*', (response, request) => {
      try {
        const exchange = new UwsExchange(response, request, options, () => this.#closed !== undefined);
        this.#inFlight.enter();
        void runExchange(options.handler, exchange, options.log).finally(() => this.#inFlight.leave());
        exchange.refuseLateBody();
      } catch (error) {
        options.log.error({ err: error }, 'a request could not be taken');
        response.close();
      }
    });
  }

  async listen(host: string, port: number): Promise<number> {
    const exclusive = 1;
    const listener = await new Promise<us_listen_socket | false>((resolve) => {
      // The typings lack this form: host, port and options together.
      const listen = this.#app.listen as unknown as (...args: unknown[]) => void;
      listen.call(this.#app, host, port, exclusive, resolve);
    });
    if (!listener) throw new Error(`cannot listen on ${host}:${port}: ${await causeOf(host, port)}`);
    this.#listener = listener;
    return this.#uws.us_socket_local_port(listener);
  }

  close(drainMs: number): Promise<void> {
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    if (this.#listener) this.#uws.us_listen_socket_close(this.#listener);
    this.#listener = undefined;
    await this.#inFlight.none(drainMs);
    this.#app.close();
  }

  #count(response: { close(): void }, change: 1 | -1): void {
    this.#connections += change;
    this.#options.onConnections(change);
    if (change < 0 || this.#connections <= this.#options.limits.connections) return;
    this.#options.onLimit('connections');
    response.close();
  }
}

function makeApp(uws: Uws, { certificates }: HttpServerOptions): TemplatedApp {
  if (!certificates) return uws.App();
  const { certFile, keyFile, passphrase, ciphers } = certificates.current.config;
  return uws.SSLApp({
    cert_file_name: certFile,
    key_file_name: keyFile,
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ciphers === undefined ? {} : { ssl_ciphers: ciphers }),
  });
}

/** The library only says that it failed; the system says why. */
function causeOf(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(error.message));
    probe.listen({ host, port }, () => probe.close(() => resolve('the system gives no reason')));
  });
}
