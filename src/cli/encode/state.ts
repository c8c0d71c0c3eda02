import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { ConfigError } from '../../config/config.ts';

/** How far an unfinished run has come: `OUT.part.json` beside `OUT.part`. */
export interface EncodeState {
  readonly version: 1;
  /** Items of the input that have a vector or a noted fault. */
  readonly items: number;
  readonly rows: number;
  /** SHA-256 in hex over the identities of those items. */
  readonly digest: string;
  /** Bytes of each file; what stands behind them is not counted on. */
  readonly sizes: { readonly vectors: number; readonly index: number; readonly errors: number };
  /** The vector of a fixed text, which tells models apart. */
  readonly probe: readonly number[];
  /** Options that the files depend on. */
  readonly kind: string;
}

function statePath(out: string): string {
  return `${out}.part.json`;
}

/** Undefined where no run was left unfinished. @throws ConfigError for a file that is none of ours */
export async function readState(out: string): Promise<EncodeState | undefined> {
  const path = statePath(out);
  try {
    const state = JSON.parse(await readFile(path, 'utf8')) as EncodeState;
    if (state.version === 1 && Array.isArray(state.probe)) return state;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ConfigError(`${path}: expected the state of an unfinished run, got something else`);
}

/** In one step: a run that is killed meanwhile leaves the state before or after. */
export async function writeState(out: string, state: EncodeState): Promise<void> {
  const path = statePath(out);
  await writeFile(`${path}.new`, JSON.stringify(state));
  await rename(`${path}.new`, path);
}

export async function removeState(out: string): Promise<void> {
  await rm(statePath(out), { force: true });
}
