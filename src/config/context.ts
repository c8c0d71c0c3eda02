import type { Findings } from './findings.ts';
import type { Ports } from './ports.ts';
import type { Environment, Variables } from './variables.ts';

/** What every reader of one flow shares. */
export interface Context {
  readonly findings: Findings;
  readonly environment: Environment;
  readonly variables: Variables;
  readonly ports: Ports;
  /** Relative paths of the flow start here. */
  readonly cwd: string;
  /** Files that the flow names are looked for here first. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}
