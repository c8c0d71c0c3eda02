import { ConfigError } from './config.ts';
import type { Place } from './node.ts';

const SHOWN = 50;

/** Collects what is wrong with a flow, so that one start tells all of it. */
export class Findings {
  readonly #faults: { readonly at: Place; readonly text: string }[] = [];
  readonly #warnings: string[] = [];

  fault(at: Place, key: string, text: string): void {
    this.#faults.push({ at, text: line(at, key, text) });
  }

  warn(at: Place, key: string, text: string): void {
    this.#warnings.push(line(at, key, text));
  }

  notice(text: string): void {
    this.#warnings.push(text);
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * Throws a ConfigError with one line per fault, by line, where there is any; warnings follow, as a slip of the fingers
   * may be behind a fault.
   */
  check(): void {
    if (this.#faults.length === 0) return;
    const faults = this.#faults.toSorted((a, b) => (a.at.line ?? Infinity) - (b.at.line ?? Infinity) || 0);
    throw new ConfigError(
      joined([...faults.map(({ text }) => text), ...this.#warnings.map((text) => `warning: ${text}`)]),
    );
  }
}

/** One line each; after the first 50 only their number. */
export function joined(faults: readonly string[]): string {
  const rest = faults.length - SHOWN;
  return [...faults.slice(0, SHOWN), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}

const line = (at: Place, key: string, text: string) =>
  `${at.origin}${at.line === undefined ? '' : `:${at.line}`}: ${key}: ${text}`;
