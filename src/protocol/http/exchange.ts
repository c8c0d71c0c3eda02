import { ClipError } from '../../errors.ts';
import type { Logger } from '../../observe/log.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './server.ts';

/** One request and its response. */
export interface Exchange extends HttpRequest, HttpResponse {
  /** True once `send` was called. */
  readonly answered: boolean;
}

/** Runs the handler to its end. Never rejects: what escapes the handler is logged, and the client gets a 500. */
export async function runExchange(handler: HttpHandler, exchange: Exchange, log: Logger): Promise<void> {
  try {
    await handler(exchange, exchange);
    if (exchange.answered) return;
    log.error({ path: exchange.path }, 'a handler ended without an answer');
  } catch (error) {
    log.error({ err: error, path: exchange.path }, 'a handler failed');
    if (exchange.answered) return;
  }
  try {
    const body = Buffer.from('{"detail":"Internal Server Error"}');
    await exchange.send({ status: 500, headers: { 'content-type': 'application/json' }, body });
  } catch (error) {
    log.error({ err: error, path: exchange.path }, 'an answer could not be sent');
  }
}

export function clientLeft(): ClipError {
  return new ClipError('cancelled', 'expected the client to wait for its answer, but its connection ended');
}

/** Counts exchanges, and tells when there are none. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves at zero, or after `ms`. */
  async none(ms: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
