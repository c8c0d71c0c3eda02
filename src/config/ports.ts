import { randomInt } from 'node:crypto';
import type { Findings } from './findings.ts';
import type { Place } from './node.ts';
import type { Given } from './section.ts';
import type { Variables } from './variables.ts';

const TRIES = 1000;

/** Hands out the ports of one server: those of the flow, each once, and random ones where it names none. */
export class Ports {
  readonly #least: number;
  readonly #most: number;
  readonly #findings: Findings;
  readonly #named: ReadonlySet<number>;
  readonly #taken = new Map<number, string>();

  /** `named` are the ports that the flow mentions anywhere: none of them is drawn. */
  constructor(variables: Variables, named: Iterable<number>, findings: Findings) {
    this.#findings = findings;
    this.#named = new Set(named);
    this.#least = variables.get('JINA_RANDOM_PORT_MIN');
    this.#most = variables.get('JINA_RANDOM_PORT_MAX');
    const set = variables.given('JINA_RANDOM_PORT_MAX') ?? variables.given('JINA_RANDOM_PORT_MIN');
    if (set && this.#least > this.#most)
      findings.fault(
        set.at,
        set.key,
        `expected JINA_RANDOM_PORT_MIN to be at most JINA_RANDOM_PORT_MAX, got ${this.#least} and ${this.#most}`,
      );
  }

  /** Takes a port of the flow. 0, which the system replaces, may be taken any number of times. */
  #take(port: number, at: Place, key: string): number {
    const owner = this.#taken.get(port);
    if (owner !== undefined && port !== 0)
      this.#findings.fault(at, key, `expected a port of its own, got ${port}, which ${owner} has`);
    this.#taken.set(port, key);
    return port;
  }

  takeOrDraw(given: Given<number> | undefined, key: string): number {
    return given ? this.#take(given.value, given.at, given.key) : this.#draw(key);
  }

  #draw(key: string): number {
    if (this.#least > this.#most) return 0;
    for (let tries = 0; tries < TRIES; tries++) {
      const port = randomInt(this.#least, this.#most + 1);
      if (!this.#taken.has(port) && !this.#named.has(port))
        return this.#take(port, { origin: 'environment' }, key);
    }
    this.#findings.fault(
      { origin: 'environment' },
      'JINA_RANDOM_PORT_MIN',
      `expected a free port for ${key} between ${this.#least} and ${this.#most}`,
    );
    return 0;
  }
}
