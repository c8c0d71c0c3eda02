import type { Progress } from '../../model/progress.ts';
import type { Settled } from './verdict.ts';

/** What a process that settles a tower says; all but progress is its last word. */
export type Report =
  | { readonly progress: Progress }
  | { readonly verdict: Settled }
  /** The home takes no files. */
  | { readonly unfit: string }
  | { readonly failure: string };
